package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"firstlight/pipeline/simulate"
)

// demoTrial is a variant of one of the demo's experiments, by the metric that decides, as the view has it.
type demoTrial struct {
	experiment, metric, variant string
	n                           uint64
	value                       *float64
	difference, low, high       *float64
	verdict                     string
}

// demoTrialsQuery reads what decides. Its columns are those of demoTrial.
const demoTrialsQuery = `
SELECT experiment, metric, variant, eligible, value, difference, difference_low, difference_high, verdict FROM {db}.experiment_results
WHERE (experiment, metric) IN (('templates', 'from_template'), ('checklist', 'activated'))`

// showExperiments prints the experiments beside the truth: one of them changes what users do.
func (d *demo) showExperiments(ctx context.Context, b *backends, asOf *time.Time) error {
	trials, err := d.readTrials(ctx, b)
	if err != nil {
		return fmt.Errorf("read the demo's experiments: %w", err)
	}
	t := tabwriter.NewWriter(d.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "experiment\tmetric\tvariant\tusers\tvalue\tcounted\ttruth\tdifference\talways valid\ttruth\tverdict\t")
	var control simulate.Truth
	for i := range trials {
		r := &trials[i]
		counted, truth := d.trialTruth(r, asOf)
		if r.difference == nil {
			control = truth
			fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t\t\t\t\t\n", r.experiment, r.metric, r.variant, r.n, percent(r.value), percent(known(counted)), percent(known(truth)))
			continue
		}
		apart := simulate.Truth{Value: truth.Value - control.Value, Known: truth.Known && control.Known}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s - %s\t%s\t%s\t\n", r.experiment, r.metric, r.variant, r.n, percent(r.value), percent(known(counted)), percent(known(truth)),
			percent(r.difference), percent(r.low), percent(r.high), percent(known(apart)), r.verdict)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("show the demo's experiments: %w", err)
	}
	fmt.Fprintln(d.out)
	return nil
}

// readTrials reads the experiments; of each the control comes first.
func (d *demo) readTrials(ctx context.Context, b *backends) (all []demoTrial, err error) {
	rows, err := b.conn.Query(ctx, strings.ReplaceAll(demoTrialsQuery, "{db}", "`"+b.settings.Database+"`"))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r demoTrial
		if err := rows.Scan(&r.experiment, &r.metric, &r.variant, &r.n, &r.value, &r.difference, &r.low, &r.high, &r.verdict); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// trialTruth is what the simulator's users of a variant did whose time had passed at the end of their day, and with which probability.
func (d *demo) trialTruth(r *demoTrial, asOf *time.Time) (counted, truth simulate.Truth) {
	if asOf == nil {
		return counted, truth
	}
	within := map[string]time.Duration{"from_template": 24 * time.Hour, "activated": 7 * 24 * time.Hour}[r.metric]
	until := asOf.Add(-within).UTC().Truncate(24 * time.Hour)
	users := slices.Concat(simulate.SignedUpBetween(d.users, 0, until.UnixMilli()), simulate.SignedUpBetween(d.live.Users, 0, until.UnixMilli()))
	users = slices.DeleteFunc(users, func(u simulate.User) bool { return r.variant != u.Screen && r.variant != u.Variant })
	if r.metric == "activated" {
		return simulate.CountActivated(users, asOf.UnixMilli()), simulate.Activated(users, asOf.UnixMilli())
	}
	return simulate.CountFromTemplate(users, asOf.UnixMilli()), simulate.FromTemplate(users, asOf.UnixMilli())
}
