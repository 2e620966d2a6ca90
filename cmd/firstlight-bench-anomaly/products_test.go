package main

import (
	"math"
	"slices"
	"testing"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/simulate/faults"
)

// reached are bounds a little short of what a small version of the table shows: the least share found, the most users until
// half are, the least share in which the true value is named, and in which a mix is called one.
var reached = map[string]struct{ found, users, named, mix float64 }{
	"activation -10 %":                    {0.4, math.Inf(1), 0, 0},
	"activation -20 %":                    {0.8, 1300, 0, 0},
	"activation -50 %":                    {0.8, 600, 0, 0},
	"activation -10 %, by one value":      {0.1, math.Inf(1), 0, 0},
	"activation -20 %, by one value":      {0.6, 2400, 0.5, 0},
	"activation -50 %, by one value":      {0.8, 600, 0.8, 0},
	"activation -1 % a day":               {0.8, 6000, 0, 0},
	"time to first value x1.5":            {0.8, 1000, 0, 0},
	"time to first value x3 of one value": {0.5, 4000, 0.6, 0},
	"adoption of one value to 0":          {0.2, math.Inf(1), 0.8, 0},
	"mix: ads x2":                         {0, math.Inf(1), 0, 0},
	"mix: ads x4":                         {0.8, 2000, 0.8, 0.8},
	"a source silent for 6 to 24 hours":   {1, 100, 0, 0},
	"a source loses 60 % for 3 days":      {0.5, 1200, 0, 0},
}

// TestProducts holds a small version of the table to what was reached.
func TestProducts(t *testing.T) {
	m, err := measure(trials{faulty: 2, quiet: 4})
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(m.quiet...)
	for i, r := range rows() {
		of := slices.Concat(m.faulty[i]...)
		all = append(all, of...)
		want := reached[r.name]
		found, until, named, mix := rate(of, isFound), quantile(of, users, 0.5), among(of, byValue), among(of, byMix)
		if found < want.found || until > want.users || named < want.named || mix < want.mix || !r.mix && mix > 0.1 {
			t.Errorf("%s: found %.2f, half of them after %.0f users, value named %.2f, mix named %.2f; want %+v", r.name, found, until, named, mix, want)
		}
	}
	if n, days := falseAlarms(all); 1000*n > days {
		t.Errorf("%d false alarms in %d series-days, want at most one in 1000", n, days)
	}
}

// TestOneEvaluationSaysWhatManySay: what the bench counts at the end is what on-call would have been told day by day.
func TestOneEvaluationSaysWhatManySay(t *testing.T) {
	c, problems := catalog.Load([]byte(faults.Catalog), kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("catalog"))
	}
	p := faults.Product{Seed: 7, SignUps: 200, Days: 80, Fault: faults.Fault{Kind: faults.Activation, Size: 0.4, From: 50, Until: 65}}
	opened := map[string]string{}
	var atEnd int
	for days := 40; days <= p.Days; days += 4 {
		p.Days = days
		e := p.Make().Evidence()
		atEnd = 0
		for _, i := range anomaly.Judge(c, e) {
			at := i.Messages[0].At.String()
			if before, ok := opened[i.ID]; ok && before != at {
				t.Errorf("%s opened at %s when judged on day %d, before that at %s", i.ID, at, days, before)
			}
			opened[i.ID] = at
			atEnd++
		}
		p.Days = 80
	}
	if atEnd != len(opened) || atEnd == 0 {
		t.Errorf("%d incidents when judged at the end, %d when judged every four days", atEnd, len(opened))
	}
}
