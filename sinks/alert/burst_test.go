package alert_test

import (
	"fmt"
	"slices"
	"testing"

	"go.uber.org/zap"

	"firstlight/pipeline/anomaly"
)

// TestDeliveriesInTheLog: what is delivered at one go is one line for each destination, however much it is, and says what was withheld.
func TestDeliveriesInTheLog(t *testing.T) {
	channel := record(t, 200, nil)
	cfg := withChannel(channel)
	cfg.Clock, cfg.PerHour = fakeClock(), 3
	l := begin(t, cfg, connect(t))
	var many []anomaly.Message
	for i := range 300 {
		many = append(many, message(fmt.Sprintf("w%03d", i), 1, anomaly.Opened, anomaly.Warning))
	}
	l.deliver(many...)
	l.stop()
	var got []string
	for _, e := range l.log.FilterLevelExact(zap.InfoLevel).All() {
		f := e.ContextMap()
		got = append(got, fmt.Sprintln(e.Message, f["destination"], f["messages"], f["newest"], f["withheld"]))
	}
	slices.Sort(got)
	want := []string{
		"delivered jetstream 300 [w295-1 w296-1 w297-1 w298-1 w299-1] <nil>\n",
		"delivered slack 3 [w000-1 w001-1 w002-1] 297\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the log says %q, want %q", got, want)
	}
}
