package clickhouse_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"firstlight/pipeline/annotation"
	"firstlight/sinks/clickhouse"
)

// TestAnnotationsOfAPeriod: what may cover a moment of it is returned, as it was written, in order of time.
func TestAnnotationsOfAPeriod(t *testing.T) {
	s := newScript(t)
	store := clickhouse.NewStore(s.conn, s.database)
	from, until := time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	hour := time.Hour.Milliseconds()
	begin, end := from.UnixMilli(), until.UnixMilli()
	full := annotation.Annotation{
		Source: "ci", ID: "c: all fields", Kind: annotation.Action, At: begin + 1, Until: begin + hour, Title: "Release 'ü'\\",
		URL: "https://example.com", Metric: "activated", Text: "a\nb", Author: "Ann",
		Expects: -0.05, Incident: "i1",
	}
	moment := func(id string, at int64) annotation.Annotation {
		return annotation.Annotation{Source: "ci", ID: id, Kind: annotation.Deploy, At: at, Title: "x"}
	}
	lasting := func(id string, at, until int64) annotation.Annotation {
		a := moment(id, at)
		a.Until = until
		return a
	}
	expected := func(id string, at int64) annotation.Annotation {
		a := moment(id, at)
		a.Kind = annotation.Expected
		return a
	}
	want := []annotation.Annotation{
		lasting("a: around it", begin-10*hour, end+hour), expected("b: of the day before", begin-hour), moment("b: its first moment", begin), full,
		lasting("d: into the next", end-1, end+hour), moment("e: its last moment", end-1),
	}
	others := []annotation.Annotation{
		moment("before", begin-1), lasting("ended before", begin-hour, begin), moment("after", end), lasting("begins after", end, end+hour),
		expected("two days before", begin-48*hour),
	}
	var rows []clickhouse.AnnotationRow
	for i, a := range append(others, want...) {
		rows = append(rows, clickhouse.AnnotationRow{Annotation: a, Sequence: uint64(i + 1)})
	}
	gone := moment("withdrawn", begin)
	rows = append(rows, clickhouse.AnnotationRow{Annotation: gone, Sequence: 90})
	gone.Deleted = true
	rows = append(rows, clickhouse.AnnotationRow{Annotation: gone, Sequence: 91})
	for range 2 { // writing again changes nothing
		if err := store.WriteAnnotations(t.Context(), 1, rows); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.Annotations(t.Context(), from, until)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	// The largest time that is accepted can be stored.
	far := time.Date(2199, 12, 31, 23, 59, 59, 999e6, time.UTC).UnixMilli()
	if err := store.WriteAnnotations(t.Context(), 1, []clickhouse.AnnotationRow{{Annotation: lasting("far", far, far), Sequence: 99}}); err != nil {
		t.Fatal(err)
	}
	if got := s.text("SELECT time, until FROM annotations WHERE id = 'far'"); got != "2199-12-31 23:59:59.999\t2199-12-31 23:59:59.999\n" {
		t.Errorf("the largest time is read back as %q", got)
	}
	if got, err := store.Annotations(t.Context(), until.Add(72*time.Hour), until.Add(73*time.Hour)); err != nil || len(got) != 0 {
		t.Errorf("another period has %v (%v)", fmt.Sprint(got), err)
	}
}
