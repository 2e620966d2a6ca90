package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"firstlight/pipeline/redact"
	"firstlight/pipeline/simulate"
)

// demoRow is one cohort of a metric, as a view has it.
type demoRow struct {
	metric           string
	cohortStart      time.Time
	n                uint64
	value, low, high *float64
}

// demoQueries read the rows that a truth is known for. Their columns are those of demoRow.
const demoQueries = `
SELECT * FROM (
SELECT metric, cohort_start, eligible, rate, rate_low, rate_high FROM {db}.activation_by_cohort WHERE metric = 'activated' AND eligible > 0
UNION ALL
SELECT metric, cohort_start, entered, km_p50_seconds, km_p50_low, km_p50_high FROM {db}.ttfv_by_cohort WHERE metric = 'first_report'
UNION ALL
SELECT metric, cohort_start, eligible, rate, rate_low, rate_high FROM {db}.adoption_by_cohort WHERE metric = 'exports' AND eligible > 0
UNION ALL
SELECT metric, cohort_start, eligible, rate, rate_low, rate_high FROM {db}.retention_by_cohort WHERE metric = 'weekly_return' AND period = 1
) ORDER BY metric, cohort_start`

// explain says where to look.
func (d *demo) explain(b *backends) {
	outage := d.past.Outages[0]
	const layout = "2 January 15:04"
	fmt.Fprintf(d.out, "The incident: from %s to %s UTC the invite mail was broken. It shows in the metric activated, and\n"+
		"Firstlight notices it by itself: the first query below is what it says.\n\n",
		time.UnixMilli(outage.From).UTC().Format(layout), time.UnixMilli(outage.Until).UTC().Format(layout))
	command := os.Args[0]
	if b.settings.dataDirGiven {
		command = "FIRSTLIGHT_DATA_DIR=" + b.settings.DataDir + " " + command
	}
	fmt.Fprintf(d.out, "Every %s: the metrics of the newest weeks as the views have them (weekly_return: in week 1), beside what the simulator\n"+
		"counted, and the probability it drew with (truth). An interval misses the truth by chance once in twenty times (outside).\n"+
		"Below them two experiments at sign-up: templates on the empty screen change what people do, a checklist does not.\n\n", d.options.every)
	if b.httpAddr != "" {
		fmt.Fprintf(d.out, "The page: http://%s/?metric=activated\n\n", b.httpAddr)
	}
	fmt.Fprintf(d.out, "Look around from a second terminal:\n")
	for _, sql := range []string{
		"SELECT at, severity, state, summary FROM anomalies ORDER BY at",
		"SELECT metric, value, low, high, n, owner FROM metric_status",
		"SELECT window_start, entered, rate, rate_low, rate_high FROM activation_by_entry_window WHERE metric = 'activated' AND window = '1d' ORDER BY window_start",
		"SELECT experiment, metric, variant, difference, difference_low, difference_high, verdict FROM experiment_results",
		"SELECT title, expects, difference, difference_low, difference_high, verdict, explained_by FROM action_effects",
		"SELECT user_id, segments, entered_at, next_step FROM stalled_users WHERE metric = 'activated' LIMIT 5",
	} {
		fmt.Fprintf(d.out, "  %s query \"%s\"\n", command, sql)
	}
	fmt.Fprintf(d.out, "  %s status\n", command)
	fmt.Fprintf(d.out, "BI tools: ClickHouse at %s, database %s. Health and metrics: %s. Events: %s, stream %s.\n\n",
		b.shownClickHouse(), b.settings.Database, orOff("http://", b.httpAddr), redact.Addresses(b.natsURL), b.settings.Stream)
}

func orOff(scheme, addr string) string {
	if addr == "" {
		return "off"
	}
	return scheme + addr
}

// show prints the metrics of the newest cohorts beside the truth.
func (d *demo) show(ctx context.Context, b *backends) error {
	asOf, rows, err := d.read(ctx, b)
	if err != nil {
		return fmt.Errorf("read the demo's metrics: %w", err)
	}
	fmt.Fprintf(d.out, "as of %s; since the start %s, %s signed up\n", when(asOf), count(d.sent, "event"), count(len(d.live.Users), "user"))
	t := tabwriter.NewWriter(d.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "metric\tweek of\tusers\tvalue\t95 % interval\tcounted\ttruth\t\t")
	for _, r := range newest(rows, 4) {
		d.print(t, &r, asOf)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("show the demo's metrics: %w", err)
	}
	return d.showExperiments(ctx, b, asOf)
}

// newest keeps the last n rows of each metric.
func newest(rows []demoRow, n int) (kept []demoRow) {
	for i, r := range rows {
		if i+n >= len(rows) || rows[i+n].metric != r.metric {
			kept = append(kept, r)
		}
	}
	return kept
}

func (d *demo) read(ctx context.Context, b *backends) (asOf *time.Time, all []demoRow, err error) {
	st, err := b.readStatus(ctx)
	if err != nil {
		return nil, nil, err
	}
	rows, err := b.conn.Query(ctx, strings.ReplaceAll(demoQueries, "{db}", "`"+b.settings.Database+"`"))
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r demoRow
		if err := rows.Scan(&r.metric, &r.cohortStart, &r.n, &r.value, &r.low, &r.high); err != nil {
			return nil, nil, err
		}
		all = append(all, r)
	}
	return st.AsOf, all, rows.Err()
}

func (d *demo) print(t *tabwriter.Writer, r *demoRow, asOf *time.Time) {
	unit := percent
	if r.metric == "first_report" {
		unit = hours
	}
	counted, truth := d.truth(r, asOf)
	note := ""
	if truth.Known && r.low != nil && r.high != nil && (truth.Value < *r.low || truth.Value > *r.high) {
		note = "outside"
	}
	week := r.cohortStart.UnixMilli()
	if o := d.past.Outages[0]; r.metric == "activated" && o.From < week+weekMs && o.Until > week {
		note += " invite mail broken"
	}
	fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s - %s\t%s\t%s\t%s\t\n", r.metric, r.cohortStart.Format(time.DateOnly), r.n, unit(r.value), unit(r.low), unit(r.high),
		unit(known(counted)), unit(known(truth)), note)
}

const weekMs = 7 * 24 * int64(time.Hour/time.Millisecond)

// truth is what the simulator's users of a cohort did, and with which probability.
func (d *demo) truth(r *demoRow, asOf *time.Time) (counted, truth simulate.Truth) {
	from := r.cohortStart.UnixMilli()
	if asOf == nil {
		return counted, truth
	}
	users := slices.Concat(simulate.SignedUpBetween(d.users, from, from+weekMs), simulate.SignedUpBetween(d.live.Users, from, from+weekMs))
	at := asOf.UnixMilli()
	switch r.metric {
	case "activated":
		return simulate.CountActivated(users, at), simulate.Activated(users, at)
	case "exports":
		return simulate.CountExports(users, at), simulate.Exports(users, at)
	case "weekly_return":
		return simulate.CountReturned(users, at, 1), simulate.Returned(users, at, 1)
	}
	return simulate.CountFirstReport(users, at), simulate.FirstReport(users)
}

func known(t simulate.Truth) *float64 {
	if !t.Known {
		return nil
	}
	return &t.Value
}

func percent(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100**v)
}

func hours(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f h", *v/3600)
}
