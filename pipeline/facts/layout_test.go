package facts_test

import (
	"errors"
	"testing"

	"firstlight/pipeline/event"
	"firstlight/pipeline/facts"
)

// TestUnknownLayout: a user whose layout is not known is an error of its own, until the layout is.
func TestUnknownLayout(t *testing.T) {
	before := newUser(loadLaw(t, "1h, 1d"))
	before.join(&event.Event{Name: "a", Time: start, ID: "i", Payload: []byte("{}")}, 0)
	stored := before.facts.StoreByLayout(nil)
	after := newUser(loadLaw(t, "1h, 1d, 7d/1d"))
	after.joiner.Layouts = facts.Layouts{}
	if err := after.facts.Load(stored); !errors.Is(err, facts.ErrUnknownLayout) || errors.Is(err, facts.ErrCorrupt) {
		t.Errorf("the error is %v, want %v", err, facts.ErrUnknownLayout)
	}
	name, text := before.joiner.Layout()
	if err := after.joiner.Layouts.Add(name, text); err != nil {
		t.Fatal(err)
	}
	if err := after.facts.Load(stored); err != nil || after.facts.LastSeen != start {
		t.Errorf("the user was last seen at %d (%v), want %d", after.facts.LastSeen, err, start)
	}
}

// TestBadLayout: a layout is only what its name says.
func TestBadLayout(t *testing.T) {
	name, text := newUser(loadLaw(t, "1h, 1d")).joiner.Layout()
	layouts := facts.Layouts{}
	for _, bad := range []string{"", text[1:], text + "x"} {
		if err := layouts.Add(name, bad); !errors.Is(err, facts.ErrCorrupt) {
			t.Errorf("a layout of %d bytes in the place of one of %d gives %v, want %v", len(bad), len(text), err, facts.ErrCorrupt)
		}
	}
	if len(layouts) != 0 {
		t.Errorf("%d layouts are known, want none", len(layouts))
	}
}

// TestStoredByLayoutIsSmall: a third or more of what a user with its keys takes are these, where little else is known.
func TestStoredByLayoutIsSmall(t *testing.T) {
	u := newUser(loadLaw(t, "1h, 1d"))
	for i, name := range []string{"d", "a", "b", "c"} {
		u.join(&event.Event{Name: name, Time: start + int64(i), ID: "i", Properties: []byte(`{"n":1,"plan":"x"}`), Payload: []byte("{}")}, 0)
	}
	if keys, layout := len(u.facts.Store(nil)), len(u.facts.StoreByLayout(nil)); layout > keys*2/3 {
		t.Errorf("a user takes %d bytes by layout and %d with keys", layout, keys)
	}
}
