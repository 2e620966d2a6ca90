package catalog_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"firstlight/pipeline/event"
)

// TestConditionsOfOtherProducts: each metric of the catalog has one event in the file, which serves it or does not.
func TestConditionsOfOtherProducts(t *testing.T) {
	unserved := map[string]string{
		"str_num":     "a text is no number, unless it is made one",
		"big_ne":      "whole numbers are exact beyond 2^53",
		"tag_missing": "nothing is in a missing list",
		"has_nested":  "there is no b in a",
		"and_missing": "a missing number is not above 1",
		"bool_str":    "the text true is not true",
		"div0":        "a division by zero has no result",
		"emptystr":    "the empty text is the empty text",
		"unicode":     "o with a combining diaeresis is not ö",
	}
	failed := map[string]bool{"str_num": true, "div0": true}

	yaml, err := os.ReadFile("testdata/cel/catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	events, err := os.ReadFile("testdata/cel/events.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, string(yaml))
	m := c.NewMatcher()
	seen := 0
	for line := range bytes.Lines(events) {
		var ev event.Event
		if r := event.Parse(&event.Message{Subject: "events.x.u", Stored: 1_790_000_000_000, Data: bytes.TrimSpace(line)}, false, &ev); r.Verdict != event.Accepted {
			t.Fatalf("%s: %s", line, r.Detail)
		}
		m.ResetFailures()
		mask := m.Match(&ev)
		name, isCase := strings.CutPrefix(ev.Name, "e_")
		if !isCase {
			continue
		}
		seen++
		for i := range c.Metrics {
			if c.Metrics[i].Name != "m_"+name {
				continue
			}
			selector := c.Metrics[i].Steps[0].Selector
			_, not := unserved[name]
			if got := mask.Has(selector); got == not {
				t.Errorf("%s: served %v by %s (%s)", c.Selectors[selector].Where, got, line, unserved[name])
			}
			if got := m.FailureCounts()[selector] > 0; got != failed[name] {
				t.Errorf("%s: failed %v, want %v", c.Selectors[selector].Where, got, failed[name])
			}
		}
	}
	if seen != len(c.Metrics) || seen < 45 {
		t.Errorf("%d events for %d metrics", seen, len(c.Metrics))
	}
}
