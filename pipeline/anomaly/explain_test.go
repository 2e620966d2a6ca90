package anomaly

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/stats"
)

// splitsOf reads "channel=ads 30/100 5/60": of 100 users 30 before, of 60 users 5 after.
func splitsOf(t *testing.T, lines ...string) (all []Split) {
	t.Helper()
	for _, line := range lines {
		var name string
		var s Split
		if _, err := fmt.Sscanf(line, "%s %d/%d %d/%d", &name, &s.Before.K, &s.Before.N, &s.After.K, &s.After.N); err != nil {
			t.Fatal(line, err)
		}
		s.Segment, s.Value, _ = strings.Cut(name, "=")
		all = append(all, s)
	}
	return all
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		name   string
		splits []string
		others [][]string // of days that begin earlier and later
		first  string     // named first
		says   string
	}{
		{
			"one value loses nearly all",
			[]string{"channel=ads 300/1000 5/100", "channel=search 300/1000 30/100", "channel=fairs 300/1000 31/100"},
			nil,
			"ads", "; channel=ads explains 100 %.",
		},
		{
			"all values lose alike",
			[]string{"channel=ads 300/1000 20/100", "channel=search 300/1000 21/100", "channel=fairs 300/1000 19/100"},
			nil,
			"", "; no single segment explains it.",
		},
		{
			// The best fit alone would be plan=free, which most users have.
			"chance took from all others as well",
			[]string{
				"channel=search 162/347 22/61", "channel=ads 106/330 14/48", "channel=friends 114/216 11/34", "channel=fairs 67/148 6/28",
				"plan=free 308/730 37/125", "plan=paid 141/311 16/46",
			},
			nil,
			"fairs", "; no single segment explains it.",
		},
		{
			"the days are too few, those before them tell",
			[]string{"channel=search 100/346 5/19", "channel=ads 61/296 0/22", "channel=friends 53/190 0/15", "channel=fairs 52/168 0/6", "plan=free 182/714 3/46", "plan=paid 84/286 2/16"},
			[][]string{{"channel=search 100/346 14/50", "channel=ads 61/296 10/55", "channel=friends 53/190 2/28", "channel=fairs 52/168 3/20", "plan=free 182/714 21/114", "plan=paid 84/286 8/39"}},
			"friends", "; no single segment explains it.",
		},
		{
			"other people came",
			[]string{"channel=ads 100/1000 40/400", "channel=search 500/1000 50/100"},
			nil,
			"search", "; other people came (by channel) rather than people doing less: the mix explains 100 %.",
		},
	} {
		n := News{Message: Message{Summary: "It fell."}}
		var others [][]Split
		for _, o := range c.others {
			others = append(others, splitsOf(t, o...))
		}
		n.Explain(splitsOf(t, c.splits...), others...)
		if got := n.Message.Contributors[0].Value; c.first != "" && got != c.first {
			t.Errorf("%s: %s is named first, want %s", c.name, got, c.first)
		}
		if got := n.Message.Summary; got != "It fell"+c.says {
			t.Errorf("%s: %q, want %q", c.name, got, c.says)
		}
	}
}

// The order of values means nothing, and a rise of failures is a fall of successes.
func TestStandoutIsOfTheCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.Custom(func(t *rapid.T) stats.Count {
			n := rapid.IntRange(0, 500).Draw(t, "n")
			return stats.Count{K: rapid.IntRange(0, n).Draw(t, "k"), N: n}
		})
		parts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) stats.Part {
			return stats.Part{Before: count.Draw(t, "before"), After: count.Draw(t, "after")}
		}), 1, 6).Draw(t, "parts")
		falls := rapid.Bool().Draw(t, "falls")
		got := standout(parts, falls)
		backwards := slices.Clone(parts)
		slices.Reverse(backwards)
		other := standout(backwards, falls)
		slices.Reverse(other)
		turned := slices.Clone(parts) // failures for successes: a fall is a rise
		for i, p := range turned {
			turned[i] = stats.Part{Before: stats.Count{K: p.Before.N - p.Before.K, N: p.Before.N}, After: stats.Count{K: p.After.N - p.After.K, N: p.After.N}}
		}
		mirrored := standout(turned, !falls)
		for i := range got {
			if math.IsNaN(got[i]) || math.Abs(got[i]-other[i]) > 1e-6*(1+math.Abs(got[i])) || math.Abs(got[i]-mirrored[i]) > 1e-6*(1+math.Abs(got[i])) {
				t.Fatalf("value %d of %v: %v, backwards %v, mirrored %v", i, parts, got, other, mirrored)
			}
		}
	})
}
