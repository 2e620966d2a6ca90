package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// said are the lines of a log in JSON at level info and above, as "msg field=value …" with the fields asked for.
func said(t *testing.T, log string, fields ...string) (lines []string) {
	t.Helper()
	for line := range strings.Lines(log) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Errorf("not a line of the log: %s", line)
			continue
		}
		text := fmt.Sprint(l["msg"])
		for _, f := range fields {
			if v, there := l[f]; there {
				text += fmt.Sprintf(" %s=%v", f, v)
			}
		}
		lines = append(lines, text)
	}
	return lines
}

// TestLogOfARun: an operator reads in the log what happened, a line each: ten days are applied, an incident opens, two destinations
// are told, a note mutes it, and they are told that too.
func TestLogOfARun(t *testing.T) {
	hook := httptest.NewServer(&received{})
	t.Cleanup(hook.Close)
	b := newSharedBox(t)
	b.env["WEBHOOK_URL"], b.env["WEBHOOK_SECRET"], b.env["LOG_FORMAT"] = hook.URL, "secret", "json"
	b.write("catalog.yaml", guarded)
	events := guardedEvents()
	b.must("publish", "--historical", b.write("events.ndjson", events))
	fields := []string{"messages", "users", "metric", "severity", "reason", "destination", "withheld"}
	expect := func(what string, want ...string) {
		t.Helper()
		r := b.firstlight("run", "--drain")
		if r.code != 0 {
			t.Fatalf("%s: exit %d\n%s", what, r.code, r.stderr)
		}
		got := said(t, r.stderr, fields...)
		slices.Sort(got) // destinations are told side by side
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the log says\n\t%s\nwant\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
	}
	stored := fmt.Sprintf("stopped, all is stored messages=%d users=960", strings.Count(events, "\n"))
	expect("the first run",
		"recovered users=0", "running", stored, "this worker's share", "this worker judges incidents from here",
		"incident opened metric=activated severity=critical reason=below_limit",
		"delivered messages=1 destination=jetstream", "delivered messages=1 destination=webhook", "this worker judges no incidents any more")
	b.must("annotate", "--kind", "expected", "--title", "Mail outage", "--time", "2026-03-11T00:00:00Z", "--until", "2026-03-12T00:00:00Z")
	expect("the second, with a note over the incident",
		"recovered users=960", "running", "stopped, all is stored messages=0 users=960", "this worker's share", "this worker judges incidents from here",
		"incident muted metric=activated severity=critical reason=muted",
		"delivered messages=1 destination=jetstream", "delivered messages=1 destination=webhook", "this worker judges no incidents any more")
	if out := b.must("backtest"); !strings.Contains(out, "  muted  ") || !strings.Contains(out, "0 incidents in 11 days") {
		t.Errorf("backtest:\n%s", out)
	}
}
