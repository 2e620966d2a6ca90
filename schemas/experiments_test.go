package schemas

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"firstlight/pipeline/stats"
	"firstlight/sinks/clickhouse/enginetest"
)

// TestExperimentsAgainstStats holds the fragments of experiments against the functions that simulations measure, on the engine.
func TestExperimentsAgainstStats(t *testing.T) {
	text, err := render(fstest.MapFS{"limits.sql": {Data: []byte(`
WITH
    {{template "always_z2" args "n" "n" "other_n" "other_n" "compared" "compared"}} AS z2,
    k / nullIf(n, 0) AS p, other_k / nullIf(other_n, 0) AS q, p - q AS difference,
    {{template "score_low" args "k" "k" "n" "n" "z2" "z2"}} AS p_low, {{template "score_high" args "k" "k" "n" "n" "z2" "z2"}} AS p_high,
    {{template "score_low" args "k" "other_k" "n" "other_n" "z2" "z2"}} AS q_low, {{template "score_high" args "k" "other_k" "n" "other_n" "z2" "z2"}} AS q_high
SELECT toString(ifNull({{template "newcombe_low"}}, -1)), toString(ifNull({{template "newcombe_high"}}, 1)),
    toString({{template "sample_ratio_p" args "users" "[n, other_n]" "shares" "[share, 1 - share]"}})
FROM values('k UInt64, n UInt64, other_k UInt64, other_n UInt64, compared UInt64, share Float64', ROWS)`)}}, "limits.sql", "none", "", false)
	if err != nil {
		t.Fatal(err)
	}
	cases := experiments()
	var rows []string
	for _, c := range cases {
		rows = append(rows, fmt.Sprintf("(%d, %d, %d, %d, %d, %v)", c.variant.K, c.variant.N, c.control.K, c.control.N, c.compared, c.share))
	}
	conn, _, _ := enginetest.Database(t)
	found, err := conn.Query(context.Background(), strings.Replace(text, "ROWS", strings.Join(rows, ", "), 1))
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	seen := 0
	for ; found.Next(); seen++ {
		c := cases[seen]
		low, high := stats.AlwaysDifference(c.variant, c.control, c.compared)
		want := []float64{low, high, stats.SampleRatio([]int{c.variant.N, c.control.N}, []float64{c.share, 1 - c.share})}
		got := make([]string, len(want))
		if err := found.Scan(&got[0], &got[1], &got[2]); err != nil {
			t.Fatal(err)
		}
		for i, text := range got {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil || !(math.Abs(value-want[i]) <= 1e-9) {
				t.Errorf("%+v: %v, want %v", c, got, want)
				break
			}
		}
	}
	if err := found.Err(); err != nil || seen != len(cases) {
		t.Errorf("%d rows of %d: %v", seen, len(cases), err)
	}
}

// experiment is what was counted of a variant and the control, and how users were meant to be dealt.
type experiment struct {
	variant, control stats.Count
	compared         int
	share            float64
}

// experiments are nobody, all, few and a million, in every combination, and some of any size.
func experiments() (all []experiment) {
	random := rand.New(rand.NewPCG(5, 6))
	sizes := []stats.Count{{K: 0, N: 0}, {K: 0, N: 1}, {K: 1, N: 1}, {K: 3, N: 7}, {K: 0, N: 1000}, {K: 1000, N: 1000}, {K: 399_000, N: 1_000_000}, {K: 1, N: 1_000_000}}
	for _, variant := range sizes {
		for _, control := range sizes {
			all = append(all, experiment{variant, control, 1 + len(all)%3, 0.5})
		}
	}
	for range 500 {
		count := func() stats.Count {
			n := int(math.Pow(10, 6*random.Float64()))
			return stats.Count{K: random.IntN(n + 1), N: n}
		}
		e := experiment{count(), count(), 1 + random.IntN(4), 0}
		e.share = min(max(math.Round(1000*float64(e.variant.N)/float64(e.variant.N+e.control.N))/1000, 0.001), 0.999)
		all = append(all, e)
	}
	return all
}
