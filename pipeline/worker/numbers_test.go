package worker_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"firstlight/pipeline/event"
	"firstlight/pipeline/oracle"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestNumbersOfViews holds every row of every view that the pipeline fills against testdata/numbers, for one made-up product
// of eight weeks (catalog.yaml there, madeUpProduct). Whoever changes how numbers are computed sees here which ones
// changed. `go test ./pipeline/worker -run NumbersOfViews -update` writes the files anew.
func TestNumbersOfViews(t *testing.T) {
	onlyInFull(t)
	const dir = "testdata/numbers"
	catalog, err := os.ReadFile(filepath.Join(dir, "catalog.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t)
	h.publish(madeUpProduct())
	h.drain(catalog, 2)
	for _, view := range append([]string{"pipeline_progress", "metric_catalog"}, numericViews...) {
		path, rows := filepath.Join(dir, view+".tsv"), table(h.view(view))
		if *update {
			if err := os.WriteFile(path, []byte(rows), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%v: run the test with -update", err)
			continue
		}
		if diff := cmp.Diff(strings.Split(string(golden), "\n"), strings.Split(rows, "\n")); diff != "" {
			t.Errorf("%s (-golden +now):\n%s", view, diff)
		}
	}
}

// madeUpProduct returns 1,100 or so messages, the same at every call: 90 users come in two waves of eleven days, five weeks apart, so that
// there is a period before. The clocks of Berlin change in the first, on 29 March 2026. Some messages come late, some too late, some
// twice, some are no events.
func madeUpProduct() []oracle.Message {
	random := rand.NewPCG(20260329, 1)
	below := func(n int) int { return int(random.Uint64() % uint64(n)) } // not rand.IntN, whose draws a release of Go may change
	var all []oracle.Message
	send := func(at, received time.Time, user string, body map[string]any) {
		if !at.IsZero() {
			body["timestamp"] = at.Format("2006-01-02T15:04:05.000Z")
		}
		if user != "" {
			body["userId"] = user
		}
		data, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		all = append(all, oracle.Message{
			Subject: event.Subject([]string{"web", "ios"}[len(user)%2], user),
			Header:  map[string]string{oracle.ReceivedAt: received.Format("2006-01-02T15:04:05.000Z")}, Data: data,
		})
	}
	start := time.Date(2026, 3, 18, 20, 0, 0, 0, time.UTC)
	names := []string{"project_created", "invite_sent", "invite_sent", "report_shared", "export_run", "export_run", "page_viewed"}
	for n := range 90 {
		user := fmt.Sprintf("u%d", n)
		entry := start.Add(time.Duration(n%2*35*24+below(11*24))*time.Hour + time.Duration(below(3600))*time.Second)
		if n%10 != 9 { // every tenth never signs up
			body := map[string]any{
				"event": "signed_up", "messageId": fmt.Sprint("s", n), "properties": map[string]any{"plan": []any{"free", "pro", nil, 3}[below(4)]},
				"context": map[string]any{"country": []string{"DE", "FR", "US", "AT"}[below(4)]},
			}
			send(entry, entry.Add(time.Duration(below(3*3600))*time.Second), user, body)
		}
		for i := range below(24) {
			at := entry.Add(time.Duration(below(5*24*3600*1000)-3600*1000) * time.Millisecond) // from an hour before
			received := at.Add(time.Duration(below(1200)) * time.Second)
			switch below(20) {
			case 0:
				received = at.Add(time.Duration(below(34)) * time.Hour)
			case 1:
				received = at.Add(40 * time.Hour) // too late, unless the partition's clock stands
			}
			name := names[below(len(names))]
			body := map[string]any{"event": name, "properties": map[string]any{"rows": below(40), "role": []string{"guest", "admin", "member"}[below(3)]}}
			if below(2) == 0 {
				body["messageId"] = fmt.Sprint("e", i)
			}
			send(at, received, user, body)
			if below(12) == 0 {
				send(at, received.Add(time.Minute), user, maps.Clone(body))
			}
		}
	}
	end := start.Add(52 * 24 * time.Hour)
	send(time.Time{}, start.Add(50*time.Hour), "u1", map[string]any{"event": ""})
	send(time.Time{}, start.Add(51*time.Hour), "u2", map[string]any{"type": "identify"})
	send(start, start.Add(52*time.Hour), "undefined", map[string]any{"event": "page_viewed"})
	send(end.Add(time.Hour), end, "u3", map[string]any{"event": "page_viewed"}) // from the future
	slices.SortStableFunc(all, func(a, b oracle.Message) int {
		return strings.Compare(a.Header[oracle.ReceivedAt], b.Header[oracle.ReceivedAt])
	})
	for i := range all {
		all[i].Sequence = uint64(i + 1)
	}
	return all
}

// table writes rows as lines in order, columns by name. What differs between runs is left out: wall clocks and who worked.
func table(rows []oracle.Row) string {
	if len(rows) == 0 {
		return "(no rows)\n"
	}
	columns := slices.DeleteFunc(slices.Sorted(maps.Keys(rows[0])), func(c string) bool {
		return c == "updated_at" || c == "active_since" || c == "worker"
	})
	var lines []string
	for _, row := range rows {
		var cells []string
		for _, c := range columns {
			cells = append(cells, cell(row[c]))
		}
		lines = append(lines, strings.Join(cells, "\t"))
	}
	slices.Sort(lines)
	return strings.Join(append([]string{strings.Join(columns, "\t")}, lines...), "\n") + "\n"
}

// cell writes one value. Nine digits of a float: the last ones depend on the order of additions.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case float64:
		return strconv.FormatFloat(v, 'g', 9, 64)
	case time.Time:
		return v.Format("2006-01-02T15:04:05.999Z")
	}
	return fmt.Sprint(v)
}
