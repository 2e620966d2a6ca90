package oncall

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"firstlight/pipeline/anomaly"
)

// TestIncidentsInTheLog: a line for each incident, of where it stands now, and one for all that are beyond what people read.
func TestIncidentsInTheLog(t *testing.T) {
	message := func(incident string, seq uint64, state anomaly.State, reason anomaly.Reason) anomaly.Message {
		return anomaly.Message{Incident: incident, Seq: seq, State: state, Reason: reason, Severity: anomaly.Warning}
	}
	var many []anomaly.Message
	for i := range 250 {
		many = append(many, message(fmt.Sprint("i", i), 1, anomaly.Opened, anomaly.Dropped), message(fmt.Sprint("i", i), 2, anomaly.Resolved, anomaly.Recovered))
	}
	for name, c := range map[string]struct {
		messages []anomaly.Message
		want     []string
	}{
		"opened":       {[]anomaly.Message{message("a", 1, anomaly.Opened, anomaly.Dropped)}, []string{"incident opened a dropped"}},
		"updated":      {[]anomaly.Message{message("a", 2, anomaly.Updated, anomaly.Dropped)}, []string{"incident updated a dropped"}},
		"resolved":     {[]anomaly.Message{message("a", 3, anomaly.Resolved, anomaly.Recovered)}, []string{"incident resolved a recovered"}},
		"muted":        {[]anomaly.Message{message("a", 3, anomaly.Resolved, anomaly.Muted)}, []string{"incident muted a muted"}},
		"without data": {[]anomaly.Message{message("a", 3, anomaly.NoData, anomaly.Dropped)}, []string{"incident without data a dropped"}},
		"of the past": {
			[]anomaly.Message{message("a", 1, anomaly.Opened, anomaly.Dropped), message("a", 2, anomaly.Resolved, anomaly.Recovered), message("b", 1, anomaly.Opened, anomaly.Rose)},
			[]string{"incident resolved a recovered", "incident opened b rose"},
		},
		"many": {many, nil},
	} {
		core, seen := observer.New(zap.InfoLevel)
		(&Watcher{Log: zap.New(core)}).logSaid(c.messages)
		var got []string
		for _, e := range seen.All() {
			got = append(got, strings.Join([]string{e.Message, fmt.Sprint(e.ContextMap()["incident"]), fmt.Sprint(e.ContextMap()["reason"])}, " "))
		}
		if name == "many" {
			if last := seen.All()[len(got)-1]; len(got) != saidAtOnce+1 || last.ContextMap()["incidents"] != int64(230) {
				t.Errorf("many: %d lines, the last %s %v", len(got), last.Message, last.ContextMap())
			}
		} else if !slices.Equal(got, c.want) {
			t.Errorf("%s: the log says %q, want %q", name, got, c.want)
		}
	}
}
