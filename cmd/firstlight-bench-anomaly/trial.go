package main

import (
	"slices"
	"time"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/simulate/faults"
)

// A trial is one product judged: what was found of its fault, and what was said without a reason.

const (
	daySeconds = 86400
	grace      = 7 // days after a fault's end in which finding it still counts
)

// result is what a trial showed.
type result struct {
	found        bool
	days         float64 // from the fault's beginning to the message
	users        int     // see outcome.entered
	contributor  bool    // the first one named is the true one
	mix          bool    // called a mix of users
	falseAlarms  int
	seriesDays   int
	falseMetrics []string
}

// try makes a product and judges it once at its end. That says the same as judging it every day: a window's
// judgement depends on what came before it only (TestOneEvaluationSaysWhatManySay).
func try(c *catalog.Catalog, p faults.Product) result {
	h := p.Make()
	e := h.Evidence()
	incidents, seriesDays := anomaly.JudgeCounted(c, e)
	r := result{seriesDays: seriesDays}
	moved := p.Fault.Metrics()
	for i := range incidents {
		for step := range incidents[i].Messages {
			if !opens(&incidents[i], step) {
				continue
			}
			opened := &incidents[i].Messages[step]
			at := float64(opened.At.Unix()-faults.First.Time().Unix()) / daySeconds
			switch {
			case !concerns(&p.Fault, moved, opened) || at < p.Fault.From || at > p.Fault.Until+grace:
				r.falseAlarms++
				r.falseMetrics = append(r.falseMetrics, opened.Metric.Name)
			case !r.found:
				r.found, r.days = true, at-p.Fault.From
				r.users = entered(h, &p.Fault, opened)
				r.explain(h, &p.Fault, &incidents[i], step)
			}
		}
	}
	return r
}

// opens reports whether a message opens an incident, or says that one is back.
func opens(i *anomaly.Incident, step int) bool {
	return step == 0 || i.Messages[step].Open() && !i.Messages[step-1].Open()
}

// concerns reports whether a message is about what the fault moves.
func concerns(f *faults.Fault, moved []string, m *anomaly.Message) bool {
	source := m.Metric.Labels["source"]
	return slices.Contains(moved, m.Metric.Name) && (source == "" || source == f.Source)
}

// entered counts the users who entered on the days since the fault began that had been judged when the message came: the days
// that had ended, and whose users were old enough for the age at which the message compares them.
func entered(h *faults.History, f *faults.Fault, m *anomaly.Message) (users int) {
	until := m.At.Add(-time.Duration(m.AgeSeconds) * time.Second)
	for d := int(f.From); d < len(h.Entered) && !(faults.First+1).Time().AddDate(0, 0, d).After(until); d++ {
		users += h.Entered[d]
	}
	return users
}

// explain asks what a message says of the cause.
func (r *result) explain(h *faults.History, f *faults.Fault, i *anomaly.Incident, step int) {
	n := i.News(step)
	explain(&n, h.Answer)
	if c := n.Message.Contributors; len(c) > 0 {
		r.contributor = c[0].Segment == f.Segment && c[0].Value == f.Value
	}
	r.mix = n.Message.Mix != nil && n.Message.Mix.Cause == "mix"
}

// explain adds what segments say to a message.
func explain(n *anomaly.News, answer func(anomaly.Question) []anomaly.Split) {
	var answers [][]anomaly.Split
	for _, q := range n.Questions() {
		answers = append(answers, answer(q))
	}
	if len(answers) > 0 {
		n.Explain(answers[0], answers[1:]...)
	}
}
