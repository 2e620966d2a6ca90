package anomaly

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
)

var update = flag.Bool("update", false, "rewrite what the scenarios expect")

// Scenarios: counts in, what is said out. A file is a txtar archive; its comment says which rule it shows. Its parts are
//
//	-- metrics --         the metrics of the catalog; a line of the form "settle: 1h" before them is a setting
//	-- days METRIC --     users by day of entry from Monday 5 January 2026 on: "14 x 400 80@30m 20@2d" is 14 days with 400
//	                      users of whom 80 got there after 30 minutes and 20 after two days
//	-- uses METRIC --     "14 x 400 80": 14 days with 400 active users of whom 80 used the feature
//	-- returns METRIC --  "14 x 400 80": 14 days on which 400 users started, of whom 80 came back in every period that is judged
//	-- entries COHORT --  the same as hours, of the users who enter
//	-- hours SOURCE --    "14 x 20": 14 days with 20 events an hour; "14 x 0*8 30*16": none in the first 8 hours of a day, then 30;
//	                      "1 x 30*5": a day that ends after five hours
//	-- notes --           annotations: "2026-02-10T00:00Z 2026-02-12T00:00Z expected A holiday"
//	-- as_of --           the time of judgement, without which it is an hour after the last day
//	-- said --            a line for each message
func TestScenarios(t *testing.T) {
	paths, _ := filepath.Glob("testdata/*.txt")
	if len(paths) == 0 {
		t.Fatal("no scenarios")
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c, e := read(t, archive)
			said := []byte(transcript(Judge(c, e)))
			last := len(archive.Files) - 1
			if archive.Files[last].Name != "said" {
				t.Fatal("a scenario ends with what is said")
			}
			if *update {
				archive.Files[last].Data = said
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got, want := string(said), string(archive.Files[last].Data); got != want {
				t.Errorf("%s\nsaid\n%s\nwant\n%s", archive.Comment, got, want)
			}
		})
	}
}

const head = `version: 1
product: acme
windows: [1h, 1d, 1w, 7d/1d]
SETTINGS
defaults: {owner: growth@acme.example, objective: Teams that stay, indicator: leading, direction: up, action: Call them}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: week, segments: [plan]}
metrics:
`

// firstDay is the first day of all scenarios, a Monday.
var firstDay = calendar.FromDate(2026, 1, 5)

func load(t testing.TB, text string) *catalog.Catalog {
	t.Helper()
	settings, metrics := "", ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, " ") {
			metrics += line
		} else {
			settings += line
		}
	}
	c, problems := catalog.Load([]byte(strings.Replace(head, "SETTINGS\n", settings, 1)+metrics), kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	return c
}

func read(t *testing.T, archive *txtar.Archive) (*catalog.Catalog, *Evidence) {
	t.Helper()
	e := &Evidence{From: firstDay}
	var c *catalog.Catalog
	end := firstDay
	for _, f := range archive.Files {
		what, name, _ := strings.Cut(f.Name, " ")
		lines := strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		switch what {
		case "metrics":
			c = load(t, string(f.Data))
			e.Metrics = make([]Series, len(c.Metrics))
		case "days":
			s := &e.Metrics[find(t, c, name)]
			each(t, lines, func(words []string) { s.Days = append(s.Days, entered(t, words)) })
			end = max(end, firstDay+calendar.Day(len(s.Days)))
		case "uses":
			s := &e.Metrics[find(t, c, name)]
			var uses []Use
			each(t, lines, func(words []string) {
				at := (firstDay + calendar.Day(len(uses))).Time().Unix()
				uses = append(uses, Use{Start: at, Active: number(t, words[0]), Adopters: number(t, words[1])})
			})
			s.Uses = map[string][]Use{"1d": uses}
			end = max(end, firstDay+calendar.Day(len(uses)))
		case "returns":
			m := find(t, c, name)
			var days []Returned
			each(t, lines, func(words []string) { days = append(days, Returned{number(t, words[0]), number(t, words[1])}) })
			e.Metrics[m].Periods = map[int][]Returned{}
			for _, period := range WatchedPeriods(&c.Metrics[m]) {
				e.Metrics[m].Periods[period] = days
			}
			end = max(end, firstDay+calendar.Day(len(days)))
		case "hours":
			e.Sources = append(e.Sources, sourced(t, c, name, lines, &end))
		case "entries":
			e.Cohorts = append(e.Cohorts, Entries{Hours: sourced(t, c, name, lines, &end).Hours})
		case "notes":
			for _, line := range lines {
				e.Annotations = append(e.Annotations, annotated(t, line))
			}
		case "as_of":
			e.AsOf = parseTime(t, lines[0]).Unix()
		}
	}
	if e.AsOf == 0 {
		e.AsOf = calendar.New(c.Location, c.WeekStart).Start(end) + 3600
	}
	return c, e
}

func find(t *testing.T, c *catalog.Catalog, name string) int {
	t.Helper()
	for i := range c.Metrics {
		if c.Metrics[i].Name == name {
			return i
		}
	}
	t.Fatalf("no metric %q", name)
	return -1
}

// each calls day with the words of every line, as often as the line says.
func each(t *testing.T, lines []string, day func(words []string)) {
	t.Helper()
	for _, line := range lines {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		words := strings.Fields(line)
		for range number(t, words[0]) {
			day(words[2:])
		}
	}
}

func entered(t *testing.T, words []string) Followed {
	t.Helper()
	f := Followed{Entered: number(t, words[0])}
	for _, w := range words[1:] {
		k, age, _ := strings.Cut(w, "@")
		d, err := time.ParseDuration(strings.Replace(age, "d", "0000s", 1))
		if days, ok := strings.CutSuffix(age, "d"); ok {
			d, err = time.Duration(number(t, days))*24*time.Hour, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		f.add(&Followed{Reached: []Age{{UpperMs: d.Milliseconds(), Users: number(t, k), SumMs: number(t, k) * d.Milliseconds()}}})
	}
	return f
}

func sourced(t *testing.T, c *catalog.Catalog, name string, lines []string, end *calendar.Day) Source {
	t.Helper()
	cal := calendar.New(c.Location, c.WeekStart)
	src := Source{Name: name, Hours: map[int64]int64{}, Events: map[string]map[calendar.Day]int64{"signed_up": {}}}
	day := firstDay
	each(t, lines, func(words []string) {
		at := cal.Start(day)
		for _, w := range words {
			n, hours, many := strings.Cut(w, "*")
			if !many {
				hours = "24"
			}
			for range number(t, hours) {
				if number(t, n) > 0 {
					src.Hours[at] = number(t, n)
					src.Events["signed_up"][day] += number(t, n)
				}
				at += 3600
			}
		}
		day++
	})
	*end = max(*end, day)
	return src
}

func annotated(t *testing.T, line string) annotation.Annotation {
	t.Helper()
	words := strings.SplitN(line, " ", 4)
	return annotation.Annotation{
		Source: "people", ID: "1", Kind: annotation.Kind(words[2]), Title: words[3],
		At: parseTime(t, words[0]).UnixMilli(), Until: parseTime(t, words[1]).UnixMilli(),
	}
}

func parseTime(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04Z07:00", strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// transcript is what is said, incident by incident.
func transcript(incidents []Incident) string {
	var b strings.Builder
	for _, i := range incidents {
		fmt.Fprintf(&b, "%s\n", i.Messages[0].Title)
		for _, m := range i.Messages {
			fmt.Fprintf(&b, "  %s %s %s %s: %s\n", m.At.Format("2006-01-02T15:04Z"), m.Severity, m.State, m.Reason, m.Summary)
			for _, a := range m.Also {
				fmt.Fprintf(&b, "    also %s: %s\n", a.Severity, a.Summary)
			}
			for _, n := range m.Annotations {
				fmt.Fprintf(&b, "    nearby: %s\n", n.Title)
			}
			for _, f := range m.Flags {
				if !strings.HasPrefix(f, "not final") {
					fmt.Fprintf(&b, "    %s\n", f)
				}
			}
		}
	}
	return b.String()
}
