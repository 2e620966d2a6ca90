package clickhouse_test

import (
	"strings"
	"testing"

	"firstlight/sinks/clickhouse"
)

// TestReviewsHearWhatDecides: an experiment is told of by the metric that decides it, also while that has nothing to compare and a guard has.
func TestReviewsHearWhatDecides(t *testing.T) {
	s := newScript(t)
	for _, line := range []string{
		"experiment form late split=A:0.5,B:0.5 within=28d",
		"experiment form quick split=A:0.5,B:0.5 within=1d",
		"as_of 2017-02-10T00:00:00",
		"entry form/variant=A 2017-02-01 2017-02-01 n=10000",
		"entry form/variant=B 2017-02-01 2017-02-01 n=10000",
		"reach form.quick/variant=A 2017-02-01 2017-02-01 n=5000",
		"reach form.quick/variant=B 2017-02-01 2017-02-01 n=3000",
	} {
		s.line(strings.Fields(line))
	}
	s.flush()
	s.load()
	if got := s.text("SELECT metric, verdict FROM experiment_results WHERE variant = 'B' ORDER BY metric"); got != "late\trunning\nquick\tworse\n" {
		t.Fatalf("the view says %q", got)
	}
	told := func() (metrics []string) {
		facts, err := clickhouse.NewStore(s.conn, s.database).ReviewFacts(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range facts.Experiments {
			metrics = append(metrics, e.Metric)
		}
		return metrics
	}
	if got := told(); len(got) > 0 {
		t.Errorf("before the metric that decides can be compared, reviews hear of %q", got)
	}
	s.line(strings.Fields("as_of 2017-03-10T00:00:00"))
	if got := told(); strings.Join(got, " ") != "late" {
		t.Errorf("once the metric that decides is compared, reviews hear of %q", got)
	}
}
