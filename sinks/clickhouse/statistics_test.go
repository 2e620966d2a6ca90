package clickhouse_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

// subject is one user of a survival study: followed for some units of time, until the event or not.
type subject struct {
	time  int
	event bool
}

// study writes subjects as users of a cohort whose time unit is an hour: those with the event reached it at that
// age, the others entered so long before as_of. An age bucket of its own for each time keeps ages exact.
func study(s *script, start string, subjects []subject) {
	const asOf, hour = 1_893_456_000, 3600 // 2030-01-01
	row := func(kind, name string, bucket, n int, ages, counts, sums string) {
		s.version++
		s.pending = append(s.pending, fmt.Sprintf("('%s', '%s', '', '', '%s', '', 0, %d, %d, %d, '%s', %d, 0, 0, 0, [%s], [%s], [%s], %d)",
			kind, name, start, bucket, s.version, bucket+hour, start, n, ages, counts, sums, s.version))
	}
	for _, x := range subjects {
		if !x.event {
			row("entry", "patients", asOf-x.time*hour-hour, 1, "", "", "")
			continue
		}
		row("entry", "patients", asOf-2000*hour, 1, "", "", "")
		row("reach", "death", asOf-2000*hour, 1, strconv.Itoa(x.time), "1", strconv.Itoa(x.time*hour*1000))
	}
}

// reference reads the inputs and the expected value of one published statistic.
func reference(t *testing.T, id string, inputs, expected any) {
	t.Helper()
	text, err := os.ReadFile("../../pipeline/oracle/testdata/reference_values.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Facts []struct {
			ID               string
			Inputs, Expected json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, fact := range all.Facts {
		if fact.ID == id {
			if err := json.Unmarshal(fact.Inputs, inputs); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(fact.Expected, expected); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no reference value %s", id)
}

// times are the inputs of a survival study.
type times struct{ Time, Status []int }

func (x times) subjects() []subject {
	var all []subject
	for i := range x.Time {
		all = append(all, subject{x.Time[i], x.Status[i] == 1})
	}
	return all
}

// lung reads the patients of R's data set lung: 306 455 1010+ ...
func lung(t *testing.T) []subject {
	t.Helper()
	text, err := os.ReadFile("../../pipeline/oracle/testdata/lung.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []subject
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, word := range strings.Fields(line) {
			days, censored := strings.CutSuffix(word, "+")
			n, err := strconv.Atoi(days)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, subject{n, !censored})
		}
	}
	return all
}

// numbers reads one row of numbers; NULL is NaN.
func (s *script) numbers(query string) []float64 {
	s.t.Helper()
	var all []float64
	for _, word := range strings.Fields(s.text(query)) {
		value := math.NaN()
		if word != `\N` {
			var err error
			if value, err = strconv.ParseFloat(word, 64); err != nil {
				s.t.Fatalf("%s: %v", query, err)
			}
		}
		all = append(all, value)
	}
	return all
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || math.IsNaN(got[i]) != math.IsNaN(want[i]) || math.Abs(got[i]-want[i]) > tolerance {
			t.Errorf("%s: got %v, want %v", what, got, want)
			return
		}
	}
}

// TestKaplanMeierReferences runs published survival data through the views. One hour stands for the unit of time
// of the study.
func TestKaplanMeierReferences(t *testing.T) {
	s := newScript(t)
	s.line(strings.Fields("metric death ttfv patients steps=death"))
	s.line(strings.Fields("as_of 2030-01-01T00:00:00"))

	study(s, "2000-01-01", lung(t))
	var drug, tie times
	var drugBounds [][3]float64
	var tieQuantiles struct{ Quantile []*float64 }
	reference(t, "km_6mp_loglog", &drug, &drugBounds)
	reference(t, "km_quantile_tie", &tie, &tieQuantiles)
	study(s, "2000-01-02", drug.subjects())
	study(s, "2000-01-03", tie.subjects())
	s.flush()
	s.load()

	const quantiles = `SELECT km_p25_seconds / 3600, km_p50_seconds / 3600, km_p50_low / 3600, km_p50_high / 3600, km_p75_seconds / 3600
		FROM ttfv_by_cohort WHERE cohort_start = '%s'`
	var q struct {
		Q     []float64
		Lower []float64 `json:"loglog_lower"`
		Upper []float64 `json:"loglog_upper"`
	}
	var file struct{ File string }
	reference(t, "km_lung_quantiles", &file, &q)
	near(t, "quantiles of lung", s.numbers(fmt.Sprintf(quantiles, "2000-01-01")),
		[]float64{q.Q[0], q.Q[1], q.Lower[1], q.Upper[1], q.Q[2]}, 1e-9)
	// R: quantile(survfit(...), 0.5) is 9 at the tie.
	if got := s.numbers(fmt.Sprintf(quantiles, "2000-01-03")); got[1] != *tieQuantiles.Quantile[3] {
		t.Errorf("the median at a tie is %v, want %v", got[1], *tieQuantiles.Quantile[3])
	}

	// Listed ages of 4, 12 and 24 hours lie before the first drop of the 6-MP curve, after that at 10, and after the last at 23.
	curve := s.numbers("SELECT age_seconds / 3600, 1 - km_high, 1 - km_low FROM progress_by_age WHERE cohort_start = '2000-01-02' AND age_seconds IN (43200, 86400) ORDER BY 1")
	near(t, "log-log bounds of 6-MP", curve, []float64{
		12, drugBounds[2][1], drugBounds[2][2],
		24, drugBounds[6][1], drugBounds[6][2],
	}, 1e-7)
	survival := s.numbers("SELECT at_risk, 1 - km_rate FROM progress_by_age WHERE cohort_start = '2000-01-02' AND age_seconds IN (14400, 43200, 86400) ORDER BY age_seconds")
	near(t, "survival of 6-MP", survival, []float64{21, 1, 12, 0.753, 5, 0.448}, 0.0006)
}

// TestWilsonReferences runs every published interval through activation_by_cohort.
func TestWilsonReferences(t *testing.T) {
	ids := []string{
		"wilson_newcombe_81_263", "wilson_newcombe_15_148", "wilson_newcombe_1_29", "wilson_newcombe_0_10", "wilson_R_18_20", "wilson_R_4_20",
		"wilson_19_38", "wilson_edge_0_1", "wilson_edge_1_1", "wilson_edge_1_2", "wilson_edge_75_412", "wilson_edge_190_200",
	}
	s := newScript(t)
	s.line(strings.Fields("metric activated activation signup within=1d steps=create"))
	s.line(strings.Fields("as_of 2030-01-01T00:00:00"))
	want := make([][]float64, len(ids))
	for i, id := range ids {
		var in struct{ K, N int }
		reference(t, id, &in, &want[i])
		day := fmt.Sprintf("2024-01-%02d", i+1)
		s.line([]string{"entry", "signup", day, day + "T10", fmt.Sprintf("n=%d", in.N)})
		s.line(append([]string{"reach", "activated", day, day + "T10"}, strings.Fields(strings.Repeat("1h ", in.K))...))
	}
	s.flush()
	s.load()
	for i, id := range ids {
		got := s.numbers(fmt.Sprintf("SELECT rate_low, rate_high FROM activation_by_cohort WHERE cohort_start = '2024-01-%02d'", i+1))
		near(t, id, got, want[i], 6e-5)
		if got[0] < 0 || got[1] > 1 {
			t.Errorf("%s: %v leaves [0, 1]", id, got)
		}
	}
}
