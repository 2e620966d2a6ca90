package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/zap"

	"firstlight/pipeline/collect"
	"firstlight/pipeline/trouble"
	"firstlight/pipeline/worker"
	"firstlight/sinks/alert"
)

// fullRegistry holds every metric a worker can show, with a collector beside it.
func fullRegistry() *prometheus.Registry {
	collector := collect.New(collect.Config{}, collect.NewSender("EVENTS", nil, trouble.NewBoard(zap.NewNop())))
	return registry(func() worker.Observation {
		return worker.Observation{Recovered: true, Reported: time.UnixMilli(1), Partitions: []worker.PartitionObservation{{
			Accounts: worker.Checkpoint{ArrivalClock: 1}, AsOf: 1,
		}}}
	}, newFlushSeconds(), alert.NewMetrics(), collector.Metrics())
}

// TestMetricsFollowConventions holds names, units and help texts against Prometheus' own linter.
func TestMetricsFollowConventions(t *testing.T) {
	families, err := fullRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

var fullName = regexp.MustCompile(`fqName: "(\w*)"`)

// TestAlertsUseMetricsThatExist also holds that operators can look every metric up.
func TestAlertsUseMetricsThatExist(t *testing.T) {
	rules, guide := file(t, "../../schemas/prometheus/firstlight.rules.yml"), file(t, "../../docs/operations.md")
	described := make(chan *prometheus.Desc)
	go func() { fullRegistry().Describe(described); close(described) }()
	exist := map[string]bool{}
	for d := range described {
		name := fullName.FindStringSubmatch(d.String())[1]
		exist[name] = true
		if strings.HasPrefix(name, "firstlight_") && !strings.Contains(guide, "`"+name) {
			t.Errorf("docs/operations.md does not list %s", name)
		}
	}
	rules = strings.ReplaceAll(rules, "firstlight_url", "") // a label of the alerts, no metric
	for _, name := range regexp.MustCompile(`firstlight_\w+`).FindAllString(rules, -1) {
		if !exist[strings.TrimSuffix(name, "_bucket")] {
			t.Errorf("the alerts use %s, which does not exist", name)
		}
	}
}

func file(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
