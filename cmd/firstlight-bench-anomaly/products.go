package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"

	"firstlight/cmd/internal/cputime"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/simulate/faults"
)

// Products with faults that are known, and without any.

// sizes are the sign-ups a day of the products.
var sizes = []float64{50, 200, 1000}

const (
	quietDays = 56 // before a fault
	faultDays = 21
	afterDays = 21

	productDays = quietDays + faultDays + afterDays
)

// row is one line of the table: trials of one kind of fault.
type row struct {
	name  string
	fault func(r *rand.Rand) faults.Fault
	named bool // there is a value to be named
	mix   bool // it is a mix of users
}

func rows() []row {
	everywhere := func(kind faults.Kind, size, days float64) func(*rand.Rand) faults.Fault {
		return func(*rand.Rand) faults.Fault { return faults.Fault{Kind: kind, Size: size, Until: days} }
	}
	in := func(kind faults.Kind, size float64, values ...string) func(*rand.Rand) faults.Fault {
		return func(r *rand.Rand) faults.Fault {
			segment, value, _ := strings.Cut(values[r.IntN(len(values))], "=")
			return faults.Fault{Kind: kind, Size: size, Segment: segment, Value: value, Until: faultDays}
		}
	}
	of := func(kind faults.Kind, size float64, hours func(r *rand.Rand) float64) func(*rand.Rand) faults.Fault {
		return func(r *rand.Rand) faults.Fault {
			from := float64(r.IntN(24)) / 24
			return faults.Fault{Kind: kind, Size: size, Source: []string{"web", "mobile", "api"}[r.IntN(3)], From: from, Until: from + hours(r)/24}
		}
	}
	return []row{
		{name: "activation -10 %", fault: everywhere(faults.Activation, 0.1, faultDays)},
		{name: "activation -20 %", fault: everywhere(faults.Activation, 0.2, faultDays)},
		{name: "activation -50 %", fault: everywhere(faults.Activation, 0.5, faultDays)},
		{name: "activation -10 %, by one value", fault: in(faults.Activation, 0.1, "channel=organic", "channel=partner", "plan=team", "country=US", "country=DE"), named: true},
		{name: "activation -20 %, by one value", fault: in(faults.Activation, 0.2, "channel=organic", "channel=partner", "plan=team", "country=US", "country=DE"), named: true},
		{name: "activation -50 %, by one value", fault: in(faults.Activation, 0.5, "channel=organic", "plan=free"), named: true},
		{name: "activation -1 % a day", fault: everywhere(faults.Drift, 0.01, 30)},
		{name: "time to first value x1.5", fault: everywhere(faults.TTFV, 1.5, faultDays)},
		{name: "time to first value x3 of one value", fault: in(faults.TTFV, 3, "channel=organic", "plan=team", "country=US", "country=DE"), named: true},
		{name: "adoption of one value to 0", fault: in(faults.Adoption, 0, "channel=partner", "channel=ads", "plan=business", "plan=team", "country=DE", "country=FR"), named: true},
		{name: "mix: ads x2", fault: in(faults.Mix, 2, "channel=ads"), named: true, mix: true},
		{name: "mix: ads x4", fault: in(faults.Mix, 4, "channel=ads"), named: true, mix: true},
		{name: "a source silent for 6 to 24 hours", fault: of(faults.Silence, 1, func(r *rand.Rand) float64 { return float64(6 + r.IntN(19)) })},
		{name: "a source loses 60 % for 3 days", fault: of(faults.Loss, 0.6, func(*rand.Rand) float64 { return 72 })},
	}
}

// trials are how many products there are of a size and a kind of fault, and without a fault.
type trials struct{ faulty, quiet int }

// products prints the table.
func products(w io.Writer) error {
	n := trials{faulty: 20, quiet: 60}
	started := cputime.Used()
	t, err := measure(n)
	if err != nil {
		return err
	}
	if err := t.print(w); err != nil {
		return err
	}
	evaluations := len(rows())*len(sizes)*n.faulty + len(sizes)*n.quiet
	_, err = fmt.Fprintf(w, "\n%.0f ms of processor time to make and judge a product\n", 1000*(cputime.Used()-started).Seconds()/float64(evaluations))
	return err
}

// table is what was measured: the results of each row and size, and of the products without a fault.
type table struct {
	faulty [][][]result // by row and size
	quiet  [][]result   // by size
}

// job is a trial to be done, and where its result goes.
type job struct {
	product faults.Product
	to      *result
}

func measure(n trials) (*table, error) {
	c, problems := catalog.Load([]byte(faults.Catalog), kind.All)
	if problems.Failed() {
		return nil, fmt.Errorf("load the catalog of the made-up products: %s", problems.Format("catalog"))
	}
	t := &table{}
	var jobs []job
	seed := uint64(0)
	add := func(signUps float64, count int, fault func(r *rand.Rand) faults.Fault) []result {
		all := make([]result, count)
		for i := range all {
			seed++
			p := faults.Product{Seed: seed, SignUps: signUps, Days: productDays}
			if fault != nil {
				p.Fault = fault(rand.New(rand.NewPCG(seed, 3)))
				p.Fault.From, p.Fault.Until = p.Fault.From+quietDays, p.Fault.Until+quietDays
			}
			jobs = append(jobs, job{p, &all[i]})
		}
		return all
	}
	for _, r := range rows() {
		var bySize [][]result
		for _, signUps := range sizes {
			bySize = append(bySize, add(signUps, n.faulty, r.fault))
		}
		t.faulty = append(t.faulty, bySize)
	}
	for _, signUps := range sizes {
		t.quiet = append(t.quiet, add(signUps, n.quiet, nil))
	}
	inParallel(len(jobs), func(i int) { *jobs[i].to = try(c, jobs[i].product) })
	return t, nil
}

// inParallel calls f with 0 to n-1, on all cores.
func inParallel(n int, f func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	all.Wait()
}

// print writes the table of faults, and that of false alarms.
func (t *table) print(to io.Writer) error {
	fmt.Fprintf(to, "Products of 50, 200 and 1,000 sign-ups a day, %d days, fault from day %d on. Users and days: from the fault's beginning to\n", productDays, quietDays)
	fmt.Fprintln(to, "the alarm; users are those who entered since and were old enough at the alarm for the age that it names. A dash: more were missed.")
	fmt.Fprintln(to)
	w := tabwriter.NewWriter(to, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "fault\ttrials\tfound\tmissed\tusers p50\tp90\tat 50\tat 200\tat 1000\tdays p50\tp90\tvalue named\tmix named\tfalse\t")
	for i, r := range rows() {
		t.line(w, i, &r)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the table of faults: %w", err)
	}
	fmt.Fprintln(to)
	for i, signUps := range sizes {
		fmt.Fprintf(w, "no fault, %.0f sign-ups a day\t%s\t\n", signUps, falseText(t.quiet[i]))
	}
	all := slices.Concat(t.quiet...)
	fmt.Fprintf(w, "no fault\t%s\t\n", falseText(all))
	for i := range t.faulty {
		all = append(all, slices.Concat(t.faulty[i]...)...)
	}
	fmt.Fprintf(w, "all products\t%s\t\n", falseText(all))
	for _, metric := range faults.Subjects {
		fmt.Fprintf(w, "of %s\t%d false alarms\t\t\t\n", metric, ofMetric(all, metric))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the table of false alarms: %w", err)
	}
	return nil
}

// line writes one kind of fault.
func (t *table) line(w io.Writer, i int, r *row) {
	all := slices.Concat(t.faulty[i]...)
	found := rate(all, isFound)
	fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t", r.name, len(all), percent(found), percent(1-found), number(quantile(all, users, 0.5), 0), number(quantile(all, users, 0.9), 0))
	for _, bySize := range t.faulty[i] {
		fmt.Fprintf(w, "%s\t", number(quantile(bySize, users, 0.5), 0))
	}
	named := "-"
	if r.named {
		named = percent(among(all, byValue))
	}
	n, _ := falseAlarms(all)
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t\n", number(quantile(all, days, 0.5), 1), number(quantile(all, days, 0.9), 1), named, percent(among(all, byMix)), n)
}

func ofMetric(all []result, metric string) (n int) {
	for i := range all {
		for _, m := range all[i].falseMetrics {
			if m == metric {
				n++
			}
		}
	}
	return n
}

func isFound(r *result) bool   { return r.found }
func users(r *result) float64  { return float64(r.users) }
func days(r *result) float64   { return r.days }
func percent(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }

// number of users or days; a dash where more than so many were missed.
func number(v float64, digits int) string {
	if math.IsInf(v, 1) {
		return "-"
	}
	return fmt.Sprintf("%.*f", digits, v)
}

func falseAlarms(all []result) (n, seriesDays int) {
	for i := range all {
		n, seriesDays = n+all[i].falseAlarms, seriesDays+all[i].seriesDays
	}
	return n, seriesDays
}

func falseText(all []result) string {
	n, days := falseAlarms(all)
	return fmt.Sprintf("%d false alarms\t%d series-days\t%.2f per 1,000", n, days, 1000*float64(n)/float64(days))
}

func rate(all []result, is func(*result) bool) float64 {
	n := 0
	for i := range all {
		if is(&all[i]) {
			n++
		}
	}
	return float64(n) / float64(max(1, len(all)))
}

func byValue(r *result) bool { return r.contributor }
func byMix(r *result) bool   { return r.mix }

// among is the rate among what was found.
func among(all []result, is func(*result) bool) float64 {
	return rate(slices.DeleteFunc(slices.Clone(all), func(r result) bool { return !r.found }), is)
}

// quantile of what was found; what was missed is later than all that was found.
func quantile(all []result, of func(*result) float64, q float64) float64 {
	var found []float64
	for i := range all {
		if all[i].found {
			found = append(found, of(&all[i]))
		}
	}
	slices.Sort(found)
	at := int(q * float64(len(all)-1))
	if at >= len(found) {
		return math.Inf(1)
	}
	return found[at]
}
