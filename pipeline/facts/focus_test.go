package facts_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
)

// TestWhatIsLeftOutDoesNotChange: counting before and after each event only what it may change, with windows that become final
// and books that let go of them at any moment, ends in what counting everything from scratch gives.
func TestWhatIsLeftOutDoesNotChange(t *testing.T) {
	catalogs := []*catalog.Catalog{loadLaw(t, "1h, 1d, 7d/1d"), loadLaw(t, "1d, 1w, 1mo, 2d/1d"), loadLaw(t, "1h, 1mo, 28d/1d")}
	for _, windows := range []string{"1h, 1d, 7d/1d", "1w, 2d/1d, 3d/1d"} {
		catalogs = append(catalogs, loadLaw(t, windows, `exclude: {users_with: {event: [a, d], where: "properties.n == 7"}}`))
	}
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(catalogs).Draw(t, "catalog")
		kept, pruned := newUser(c), newUser(c)
		sums := map[cohort.Key]sum{}
		prune := int64(0)
		events := drawEvents(t)
		stretch := rapid.SampledFrom([]int64{1, 20, 400}).Draw(t, "stretch")
		for i := range events {
			e := &events[i]
			e.Time = start + (e.Time-start)*stretch
		}
		if rapid.Bool().Draw(t, "in order") {
			slices.SortStableFunc(events, func(a, b event.Event) int { return int(min(1, max(-1, a.Time-b.Time))) })
		}
		clock := int64(0)
		for i := range events {
			e := &events[i]
			clock = max(clock, e.Time)
			watermark := clock - c.AllowedLateness.Milliseconds()
			if e.Time < watermark {
				continue
			}
			mask := pruned.matcher.Match(e)
			plan := pruned.plan(e.Time, &mask)
			plan.count(pruned, prune, sums, -1)
			pruned.joiner.Join(pruned.facts, e, &mask, watermark, prune)
			plan.count(pruned, prune, sums, 1)
			kept.joiner.Join(kept.facts, e, &mask, watermark, 0)
			pruned.facts.Open(pruned.facts.Append(nil))
			if rapid.Bool().Draw(t, "windows become final") {
				prune = max(prune, watermark)
			}
			if rapid.Bool().Draw(t, "collapsed") {
				pruned.joiner.Collapse(pruned.facts, watermark, prune)
			}
			want := map[cohort.Key]sum{}

			kept.everything().count(kept, prune, want, 1)
			got := map[cohort.Key]sum{}
			for k, v := range sums {
				if windowed := k.Kind == cohort.Window || k.Kind == cohort.Trailing; !windowed || pruned.folder.BucketEnd(k)*1000 > prune {
					got[k] = v
				}
			}
			for k := range want {
				got[k] = sum{got[k].Counts, got[k].age} // a key that is missing counts nothing
			}
			for k, v := range got {
				if v != want[k] {
					t.Fatalf("after event %d, with windows final up to %d, %+v counts %+v, want %+v", i, prune, k, v, want[k])
				}
			}
		}
	})
}

// sum is what a cell counts of one user.
type sum struct {
	cohort.Counts
	age int64
}

// plan is what of a user is counted: entries, and metrics each with a focus.
type plan struct {
	entries []int
	metrics map[int]cohort.Focus
}

// plan is what an event may change.
func (u *user) plan(t int64, mask *catalog.Mask) plan {
	p := plan{metrics: map[int]cohort.Focus{}}
	for c := range u.joiner.Catalog.Cohorts {
		if u.joiner.MovesEntry(u.facts, c, t, mask) {
			p.entries = append(p.entries, c)
		}
	}
	for m := range u.joiner.Catalog.Metrics {
		switch {
		case slices.Contains(p.entries, u.joiner.Catalog.Metrics[m].Cohort):
			p.metrics[m] = cohort.Focus{}
		case u.joiner.Changes(u.facts, m, t, mask):
			p.metrics[m] = u.folder.Focus(u.facts, m, t, mask)
		}
	}
	return p
}

func (u *user) everything() plan {
	p := plan{metrics: map[int]cohort.Focus{}}
	for c := range u.joiner.Catalog.Cohorts {
		p.entries = append(p.entries, c)
	}
	for m := range u.joiner.Catalog.Metrics {
		p.metrics[m] = cohort.Focus{}
	}
	return p
}

// count adds what the user counts to sums, or takes it away.
func (p plan) count(u *user, prune int64, sums map[cohort.Key]sum, sign int64) {
	var all []cohort.Contribution
	for _, c := range p.entries {
		all = u.folder.Entries(all, u.facts, c)
	}
	for m, focus := range p.metrics {
		all = u.folder.Metric(all, u.facts, m, prune, focus)
	}
	for _, x := range all {
		s := sums[x.Key]
		s.N += sign * x.Counts.N
		s.Active += int32(sign) * x.Counts.Active
		s.Adopters += int32(sign) * x.Counts.Adopters
		s.NewAdopters += int32(sign) * x.Counts.NewAdopters
		s.age += sign * x.Age
		sums[x.Key] = s
	}
}

// TestOneBookForgetsFirst: a feature was used on day 0 and not again. When days 0 and 2 are final, activity on day 4 makes the
// book of activity let go of them, while the feature's still has day 0: the user's run of active days goes on all the same.
func TestOneBookForgetsFirst(t *testing.T) {
	const day = 86_400_000
	c := loadLaw(t, "1d, 2d/1d")
	kept, pruned := newUser(c), newUser(c)
	prune := start + 3*day
	for i, e := range []event.Event{{Name: "c", Time: start}, {Name: "d", Time: start + 2*day}, {Name: "d", Time: start + 4*day}} {
		mask := kept.matcher.Match(&e)
		kept.joiner.Join(kept.facts, &e, &mask, 0, 0)
		pruned.joiner.Join(pruned.facts, &e, &mask, 0, []int64{0, 0, prune}[i])
	}
	if got, want := pruned.counted(len(c.Metrics), prune), kept.counted(len(c.Metrics), prune); !slices.Equal(got, want) {
		t.Errorf("the user counts\n%q\nwant\n%q", got, want)
	}
}
