package main

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"firstlight/cmd/firstlight-chaos/internal/faults"
	"firstlight/cmd/firstlight-chaos/internal/servers"
	"firstlight/cmd/firstlight-chaos/internal/soak"
)

// report prints what was done and what came of it.
func report(out io.Writer, r *faults.Result, ends []servers.End, took time.Duration) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintf(table, "fault\tdistinct\tof them in a write of a flush: before\twhile\tafter\n")
	counts := map[string]map[string]int{}
	for _, f := range r.Done {
		what := kindOf(f)
		if counts[what] == nil {
			counts[what] = map[string]int{}
		}
		counts[what][f.Moment]++
		counts[what]["all"]++
	}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		c := counts[what]
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\n", what, c["all"], c["before"], c["while"], c["after"])
	}
	fmt.Fprintf(table, "all\t%d\n\n", len(r.Done))
	row := func(what string, value any) { fmt.Fprintf(table, "%s\t%v\n", what, value) }
	row("rounds; time", fmt.Sprintf("%d; %s", r.Rounds, took.Round(time.Second)))
	row("faults whose moment did not come", len(r.Unmet))
	row("workers that found no servers at their start, ended and were started again", len(ends))
	said := map[string]int{}
	for _, e := range ends {
		said[fmt.Sprintf("  exit code %d: %s", e.Code, short(addresses.ReplaceAllString(e.Said, "NATS_URL")))]++
	}
	for _, what := range slices.Sorted(maps.Keys(said)) {
		row(what, said[what])
	}
	row("slowest recovery", r.Slowest.Round(100*time.Millisecond))
	if v := r.Verdict; v != nil {
		row("messages", v.Messages)
		row("dead letters; deleted with their stream, unseen", fmt.Sprintf("%d; %d", v.Letters, v.LettersDeleted))
		row("views; rows", fmt.Sprintf("%d; %d", v.Views, v.Rows))
		row("differences from the oracle", len(v.Differences))
	}
}

// addresses are where NATS servers are: elsewhere for every worker.
var addresses = regexp.MustCompile(`nats://\S+`)

// short is the beginning of a line.
func short(line string) string {
	const most = 120
	return line[:min(most, len(line))]
}

// party is one of several.
var party = regexp.MustCompile(`(worker|server) n?\d+`)

// kindOf is what a fault is counted as: whoever of several it met.
func kindOf(f *faults.Fault) string { return party.ReplaceAllString(f.Target+" "+f.Kind, "$1") }

// reportSoak prints what workers needed early and late in a soak.
func reportSoak(out io.Writer, r *soak.Result, took time.Duration) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintf(table, "%d messages in %s\tresident, MiB\tMiB per hour\tgoroutines\topen files\n", r.Messages, took)
	for _, w := range r.Workers {
		span := func(name string, unit float64) string {
			return fmt.Sprintf("%.0f → %.0f", w.Of[name].Early/unit, w.Of[name].Late/unit)
		}
		const quarters = 2.0 / 4 // from the middle of the second quarter to that of the last
		slope := (w.Of[soak.Resident].Late - w.Of[soak.Resident].Early) / (1 << 20) / (took.Hours() * quarters)
		fmt.Fprintf(table, "%s\t%s\t%.0f\t%s\t%s\n", w.Worker, span(soak.Resident, 1<<20), slope, span(soak.Goroutines, 1), span(soak.Files, 1))
	}
}

// mostShown bounds how many of many lines are printed.
const mostShown = 20

// verdict is the error of a run that left something wrong.
func verdict(r *faults.Result, ends []servers.End) error {
	var wrong []string
	for _, e := range ends {
		if e.Code != 1 || e.Worked { // a worker whose servers are away when it starts ends with 1; all else is wrong
			wrong = append(wrong, fmt.Sprintf("%s ended by itself with %d: %s", e.Worker, e.Code, e.Said))
		}
	}
	wrong = append(wrong, r.Verdict.Differences...)
	if len(wrong) == 0 {
		return nil
	}
	if more := len(wrong) - mostShown; more > 0 {
		wrong = append(wrong[:mostShown], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%d differences:\n%s", len(r.Verdict.Differences), strings.Join(wrong, "\n"))
}
