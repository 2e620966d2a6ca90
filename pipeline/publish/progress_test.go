package publish

import (
	"bytes"
	"testing"
	"time"
)

func TestProgressWithoutATerminal(t *testing.T) {
	tests := []struct {
		name  string
		total int64
		want  string
	}{
		{"of a known size", 400, "publishing: 7 events, 25 %\nf:1: refused\n"},
		{"of an unknown size", -1, "publishing: 7 events\nf:1: refused\n"},
		{"of a file that grows", 50, "publishing: 7 events, 100 %\nf:1: refused\n"},
		{"of nothing", 0, "publishing: 7 events\nf:1: refused\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var w bytes.Buffer
			p := newProgress(&w, "publishing", tt.total, ofBytes)
			for range 1000 {
				p.to(1, 1) // too early to say anything
			}
			p.told = time.Now().Add(-reportEvery)
			for range 1000 {
				p.to(100, 7)
			}
			p.say("f:1: refused")
			p.end()
			if w.String() != tt.want {
				t.Errorf("written %q, want %q", w.String(), tt.want)
			}
		})
	}
}
