package product

import (
	"reflect"
	"strings"
	"testing"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// TestWaves: the same seed is the same events, and every wave has for every partition what each write of a flush needs.
func TestWaves(t *testing.T) {
	const partitions = 6
	p, again, other := New(1, partitions), New(1, partitions), New(2, partitions)
	different := false
	for range 40 {
		wave := p.Next()
		if !reflect.DeepEqual(wave, again.Next()) {
			t.Fatal("the same seed makes other events")
		}
		different = different || !reflect.DeepEqual(wave, other.Next())
	}
	if !different {
		t.Error("another seed makes the same events")
	}
	type needed struct{ name, forget, late, malformed int }
	var got [partitions]needed
	for range 2 { // every other wave has what is no event
		for _, m := range p.Next() {
			n := &got[stream.Partition(m.Subject, partitions)]
			switch {
			case m.Header[event.ControlHeader] != "":
				n.forget++
			case string(m.Data) == "{":
				n.malformed++
			case strings.Contains(string(m.Data), `"feature `):
				n.name++
			case strings.Contains(string(m.Data), `"login"`):
				n.late++
			}
		}
	}
	for i, n := range got {
		if n.name == 0 || n.forget == 0 || n.late == 0 || n.malformed == 0 {
			t.Errorf("partition %d got %+v", i, n)
		}
	}
}
