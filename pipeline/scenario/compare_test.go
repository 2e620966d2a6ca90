package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const file = `A title.

-- catalog.yaml --
version: 1
-- events --
2026-03-02T10:00Z web anna signed_up {"plan": "pro", "n": 1} id=m1 at=2026-03-02T09:00Z
2026-03-02T10:00Z clock
-- expect activation_by_cohort metric=activated --
cohort_start entered rate km_p50_seconds segments
2026-03-02   4       2/4  1h             plan=pro
2026-03-09   2       NULL NULL           {}
`

func load(t *testing.T, text string) (*Scenario, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "example.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

func TestLoad(t *testing.T) {
	s, err := load(t, file)
	if err != nil {
		t.Fatal(err)
	}
	m := s.Messages()[0]
	if want := `{"event":"signed_up","userId":"anna","properties":{"plan": "pro", "n": 1},"messageId":"m1","timestamp":"2026-03-02T09:00:00Z"}`; string(m.Data) != want {
		t.Errorf("payload %s, want %s", m.Data, want)
	}
	// The first 32 hex digits of SHA-256 of "anna".
	if want := "events.web.55579b557896d0ce1764c47fed644f9b"; m.Subject != want {
		t.Errorf("subject %s, want %s", m.Subject, want)
	}
	if want := "2026-03-02T10:00:00Z"; m.Header["Firstlight-Received-At"] != want || s.AsOf().Format(time.RFC3339) != want {
		t.Errorf("received %s, as_of %s, want %s", m.Header["Firstlight-Received-At"], s.AsOf(), want)
	}
	for wrong, instead := range map[string]string{
		"2026-03-02T10:00Z web anna":  "yesterday web anna",
		"id=m1":                       "nonsense=m1",
		"-- events --":                "-- event --",
		"2/4  1h ":                    "2/4",
		"A title.":                    "",
		"-- expect activation_by_coh": "-- expect",
		`{"plan": "pro", "n": 1}`:     `{"plan": }`,
	} {
		if _, err := load(t, strings.Replace(file, wrong, instead, 1)); err == nil {
			t.Errorf("%q instead of %q was accepted", instead, wrong)
		}
	}
}

func TestCompare(t *testing.T) {
	s, err := load(t, file)
	if err != nil {
		t.Fatal(err)
	}
	date := func(day int) time.Time { return time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC) }
	rows := func() []Row {
		return []Row{
			{"metric": "activated", "cohort_start": date(9), "entered": uint64(2), "rate": nil, "km_p50_seconds": nil, "segments": map[string]string{}},
			{"metric": "activated", "cohort_start": date(2), "entered": uint64(4), "rate": 0.5, "km_p50_seconds": 3630.0, "segments": map[string]string{"plan": "pro"}},
			{"metric": "other", "cohort_start": date(2), "entered": uint64(9)},
		}
	}
	if problems := s.Compare("activation_by_cohort", rows()); problems != nil {
		t.Errorf("equal rows differ: %v", problems)
	}
	for name, change := range map[string]func(rows []Row) []Row{
		"a count":             func(r []Row) []Row { r[1]["entered"] = uint64(5); return r },
		"a rate":              func(r []Row) []Row { r[1]["rate"] = 0.5001; return r },
		"a quantile by 2 %":   func(r []Row) []Row { r[1]["km_p50_seconds"] = 3672.0; return r },
		"0 for NULL":          func(r []Row) []Row { r[0]["rate"] = 0.0; return r },
		"NULL for a number":   func(r []Row) []Row { r[1]["rate"] = nil; return r },
		"a map":               func(r []Row) []Row { r[1]["segments"] = map[string]string{}; return r },
		"a date":              func(r []Row) []Row { r[1]["cohort_start"] = date(3); return r },
		"a missing column":    func(r []Row) []Row { delete(r[1], "rate"); return r },
		"a missing row":       func(r []Row) []Row { return r[1:] },
		"a row twice":         func(r []Row) []Row { return append(r, r[1]) },
		"no rows":             func([]Row) []Row { return nil },
		"a row of the filter": func(r []Row) []Row { r[2]["metric"] = "activated"; return r },
	} {
		if problems := s.Compare("activation_by_cohort", change(rows())); problems == nil {
			t.Errorf("%s makes no difference", name)
		}
	}
}

func TestCompareRows(t *testing.T) {
	half := 0.5
	want := []Row{{"metric": "m", "step": uint64(1), "reached": uint64(3), "rate": 0.5, "p50_seconds": 100.0, "km_rate": nil}}
	got := func() []Row {
		return []Row{{"metric": "m", "step": uint8(1), "reached": int64(3), "rate": &half, "p50_seconds": 101.0, "km_rate": (*float64)(nil), "more": 1}}
	}
	if problems := CompareRows("activation_steps", want, got()); problems != nil {
		t.Errorf("equal rows differ: %v", problems)
	}
	for name, change := range map[string]func(r []Row) []Row{
		"a count":      func(r []Row) []Row { r[0]["reached"] = int64(4); return r },
		"a key":        func(r []Row) []Row { r[0]["step"] = uint8(2); return r },
		"a quantile":   func(r []Row) []Row { r[0]["p50_seconds"] = 101.5; return r },
		"a number":     func(r []Row) []Row { r[0]["km_rate"] = 0.0; return r },
		"a row more":   func(r []Row) []Row { return append(r, Row{"metric": "m", "step": uint8(2)}) },
		"a row twice":  func(r []Row) []Row { return append(r, r[0]) },
		"a row less":   func([]Row) []Row { return nil },
		"a column off": func(r []Row) []Row { delete(r[0], "rate"); return r },
	} {
		if problems := CompareRows("activation_steps", want, change(got())); problems == nil {
			t.Errorf("%s makes no difference", name)
		}
	}
}

func TestTotal(t *testing.T) {
	early, late := time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC()
	got := total([]Row{
		{"partition": uint16(0), "received": uint64(3), "arrival_clock": late, "dead": map[string]uint64{"late": 1, "malformed": 0}},
		{"partition": uint16(1), "received": uint64(4), "arrival_clock": early, "dead": map[string]uint64{"late": 2}},
	})
	want := "arrival_clock=1970-01-01T00:00:02Z dead={late=3} received=7"
	if showRow(got) != want {
		t.Errorf("got %s, want %s", showRow(got), want)
	}
}
