package facts_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
)

const staff = `exclude: {users_with: {event: [c, d], where: "properties.n == 7"}}`

// TestExcludedWhateverTheOrder: who has an event that excludes counts in no entry and no step, in any order of arrival, and others
// count as in a catalog that excludes nobody. What is stored says the same.
func TestExcludedWhateverTheOrder(t *testing.T) {
	excludes, plain := loadLaw(t, "1h, 1d, 7d/1d", staff), loadLaw(t, "1h, 1d, 7d/1d")
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.Permutation(drawEvents(t)).Draw(t, "order")
		u, free := newUser(excludes), newUser(plain)
		out := false
		for i := range events {
			e := &events[i]
			u.join(e, 0)
			free.join(e, 0)
			mask := u.matcher.Match(e)
			out = out || u.joiner.Excludes(&mask)
			if rapid.Bool().Draw(t, "stored") {
				u.store(t)
			}
			if rapid.Bool().Draw(t, "collapsed") {
				u.joiner.Collapse(u.facts, 0, 0)
			}
		}
		if got := u.facts.Excluded() != 0; got != out {
			t.Fatalf("excluded: %v, want %v", got, out)
		}
		if !out {
			equal(t, "where nobody is left out", u.known(), free.known())
			return
		}
		sums := map[cohort.Key]sum{}
		if u.everything().count(u, 0, sums, 1); len(sums) > 0 { // no window was final
			t.Errorf("a user who is left out counts %+v", sums)
		}
	})
}

// TestExcludedLeavesMemory: once no window needs it, all that is known of a user who is left out is that; a catalog that leaves out
// nobody, or others, does not know it.
func TestExcludedLeavesMemory(t *testing.T) {
	const day = 86_400_000
	c := loadLaw(t, "1h, 1d, 7d/1d", staff)
	u := newUser(c)
	for i, name := range []string{"a", "b", "c", "b", "d"} {
		u.join(&event.Event{Name: name, Time: start + int64(i)*day, Properties: []byte(`{"n":1}`), Payload: []byte("{}")}, 0)
	}
	watermark := start + 3*day
	u.join(&event.Event{Name: "d", Time: start + 4*day, Properties: []byte(`{"n":7}`), Payload: []byte("{}")}, watermark)
	u.joiner.Collapse(u.facts, watermark, watermark)
	if u.facts.NewestOpen() <= watermark || !slices.ContainsFunc(u.folder.Metric(nil, u.facts, 5, watermark, cohort.Focus{}), func(x cohort.Contribution) bool { return x.Key.Kind == cohort.Trailing }) {
		t.Error("the windows that end after the watermark are not told that the user has left")
	}
	later := watermark + 9*day
	u.joiner.Collapse(u.facts, later, later)
	stored := u.facts.Store(nil)
	if u.facts.Excluded() != watermark || u.facts.NewestOpen() != 0 || len(stored) > 60 {
		t.Errorf("excluded at %d, open until %d, %d bytes are stored", u.facts.Excluded(), u.facts.NewestOpen(), len(stored))
	}
	for _, test := range []struct {
		what    string
		catalog *catalog.Catalog
		want    int64
	}{
		{"the same catalog", c, watermark},
		{"one that leaves out nobody", loadLaw(t, "1h, 1d, 7d/1d"), 0},
		{"one that leaves out others", loadLaw(t, "1h, 1d, 7d/1d", `exclude: {users_with: x}`), 0},
	} {
		read := newUser(test.catalog)
		if err := read.facts.Load(stored); err != nil || read.facts.Excluded() != test.want {
			t.Errorf("%s: excluded at %d, want %d; %v", test.what, read.facts.Excluded(), test.want, err)
		}
	}
}

// TestForgottenKeepsNoText: what is kept of a user for windows that were final has no text of the events but segment values.
func TestForgottenKeepsNoText(t *testing.T) {
	c := loadLaw(t, "1h, 1d, 7d/1d")
	u := newUser(c)
	for i, name := range []string{"a", "b", "c", "a", "b", "c", "d"} {
		u.join(&event.Event{Name: name, ID: "secret-id", Time: start + int64(i/2), Properties: []byte(`{"n":1,"plan":"pro"}`), Payload: []byte(`{"userId":"secret"}`)}, 0)
	}
	if stored := u.facts.Store(nil); !bytes.Contains(stored, []byte("secret")) {
		t.Fatal("there are no open events")
	}
	u.joiner.Forget(u.facts, start+2*86_400_000)
	if stored := u.facts.Store(nil); bytes.Contains(stored, []byte("secret")) || !bytes.Contains(stored, []byte("pro")) {
		t.Errorf("kept is %q", stored)
	}
}
