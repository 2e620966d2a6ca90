package catalog

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/event"
)

// Experiment compares what users do who were dealt different variants of a product. It is a cohort whose entry is the exposure and whose one
// segment is the variant, and metrics of the catalog asked again of that cohort.
type Experiment struct {
	Name       string
	Hypothesis string    // empty when there is none
	Owner      string    // its own, of defaults, or of the first metric
	Variants   []Variant // in the order of the file; at least two
	Control    string    // the variant that the others are compared with
	Least      float64   // smallest difference of two shares that is worth having
	Until      string    // YYYY-MM-DD, the last local day whose exposures count; empty: there is no end
	Cohort     Cohort    // of the exposures; its segment is VariantSegment
	Metrics    []Metric  // the first decides, the others guard; each is a trial

	exposure Exposure // in any variant
}

// Variant is one of those that users are dealt.
type Variant struct {
	Name  string
	Share float64 // of users who are meant to be dealt it; all together are 1
}

// Trial is what is different about a metric that an experiment asks.
type Trial struct {
	Of       string   // name of the metric that is asked again
	Variants []string // sorted
	Seen     []int    // selectors of exposures in each, and last of those in any other variant
	Period   int      // the one in which users come back or not, where they are followed in periods
}

// Exposure narrows a selector to the exposures of an experiment.
type Exposure struct {
	Of       int      // the selector whose events are exposures
	Path     []string // of the variant
	Variants []string // sorted
	Only     int      // index of the variant; AnyVariant or OtherVariant
	Until    string   // YYYY-MM-DD, the last day; empty: there is no end
	before   int64    // ms, the end of that day; 0 when there is none
}

// What an Exposure takes beside one variant.
const (
	AnyVariant   = -1 // any text
	OtherVariant = -2 // any text but those listed
)

// VariantSegment is the name of the segment of an experiment's cohort.
const VariantSegment = "variant"

// otherVariants is what facts call those that are not listed.
const otherVariants = "(other)"

// Bounds of one experiment.
const (
	maxExperiments = 50
	maxVariants    = 10
	maxTrials      = 20
)

// Better reports whether a greater share of users is what an experiment's metric wants: what is good when its time is short is good when more
// users get there.
func (m *Metric) Better() bool { return (m.Direction == "up") == (m.Kind.Traits().Time == "") }

// Computed is the catalog with the cohorts and metrics of its experiments behind its own: what is counted, and shown as experiments only.
func (c *Catalog) Computed() *Catalog {
	if len(c.Experiments) == 0 {
		return c
	}
	all := *c
	all.Cohorts, all.Metrics = slices.Clone(c.Cohorts), slices.Clone(c.Metrics)
	for i := range c.Experiments {
		e := &c.Experiments[i]
		for _, m := range e.Metrics {
			m.Cohort, m.Place = len(all.Cohorts), len(all.Metrics)
			all.Metrics = append(all.Metrics, m)
		}
		all.Cohorts = append(all.Cohorts, e.Cohort)
	}
	return &all
}

func (l *loader) experiments(n *node) {
	if n.emptyList() {
		return
	}
	const example = `- {name: short_form, exposure: experiment_viewed, variant: properties.variant, …}`
	for _, item := range l.items(n, "experiments", example, maxExperiments) {
		e := l.experiment(item)
		if slices.ContainsFunc(l.catalog.Experiments, func(other Experiment) bool { return e.Name != "" && other.Name == e.Name }) {
			l.errorf(item.pos, "there is already an experiment %q: write another name", e.Name)
		}
		l.catalog.Experiments = append(l.catalog.Experiments, e)
	}
}

func (l *loader) experiment(n *node) (e Experiment) {
	o, ok := l.object(n, "an experiment", experimentKeys)
	if !ok {
		return e
	}
	e.Name = o.name("short_form")
	e.Hypothesis, e.Owner, e.Until = o.text("hypothesis", "A shorter form lets more teams invite"), l.defaults.Owner, o.date("until")
	if own := o.text("owner", "growth@acme.example"); own != "" {
		e.Owner = own
	}
	e.exposure.Of = NoSelector
	if x := o.require("exposure", "write the event that shows a user the variant, such as exposure: {event: experiment_viewed}"); x != nil {
		e.exposure.Of = l.selector(x, "exposure")
	}
	if v := o.require("variant", "write where the event says which, such as variant: properties.variant"); v != nil {
		if text := l.text(v, "variant", "properties.variant"); text != "" {
			e.exposure.Path = l.path(v, text)
			l.saw(v.pos, e.exposure.Path)
		}
	}
	if s := o.require("split", "write how users are meant to be dealt, such as split: {A: 0.5, B: 0.5}"); s != nil {
		e.Variants = l.split(s)
	}
	l.control(o, &e)
	e.Least = leastPrediction
	if least := o.get("least_effect"); least != nil {
		v, ok := l.rate(least, "least_effect")
		if ok && v == 0 {
			l.errorf(least.pos, "\"least_effect\" is the smallest difference worth having, above 0: write for example 0.02 for two points")
		}
		e.Least = v
	}
	l.expose(o, &e)
	if m := o.require("metrics", "write the metric that decides first, such as metrics: [activated]"); m != nil {
		l.trials(m, &e)
	}
	if e.Owner == "" && len(e.Metrics) > 0 {
		e.Owner = e.Metrics[0].Owner
	}
	return e
}

// split reads the share of users that each variant is meant to be dealt to.
func (l *loader) split(n *node) (variants []Variant) {
	if n.kind != mapNode {
		l.errorf(n.pos, "\"split\" is a mapping, not %s: write for example split: {A: 0.5, B: 0.5}", describe(n))
		return nil
	}
	sum, fine := 0.0, true
	for _, p := range n.pairs {
		share, ok := l.rate(p.value, p.key)
		switch {
		case !ok:
		case share == 0:
			l.errorf(p.value.pos, "nobody is dealt %s: write a share above 0, or remove it", quoted(p.key))
		case p.key == "" || p.key == event.None || p.key == otherVariants || len(p.key) > maxValue:
			l.errorf(p.pos, "the variant %s cannot be told apart: write the text that the event holds, of at most %d bytes", quoted(p.key), maxValue)
		case slices.ContainsFunc(variants, func(v Variant) bool { return v.Name == p.key }):
			l.errorf(p.pos, "the variant %s is there twice: remove one", quoted(p.key))
		default:
			variants, sum = append(variants, Variant{p.key, share}), sum+share
			continue
		}
		fine = false
	}
	switch {
	case !fine:
	case len(variants) < 2:
		l.errorf(n.pos, "an experiment compares two variants at least: write for example split: {A: 0.5, B: 0.5}")
	case len(variants) > maxVariants:
		l.errorf(n.pos, "\"split\" has %d variants: write at most %d", len(variants), maxVariants)
	case sum < 1-roundedShares || sum > 1+roundedShares:
		l.errorf(n.pos, "the shares of \"split\" add up to %s, not to 1: write for two alike {%s: 0.5, %s: 0.5}", strconv.FormatFloat(sum, 'g', 6, 64), variants[0].Name, variants[1].Name)
	}
	for i := range variants {
		variants[i].Share /= sum
	}
	return variants
}

// roundedShares is by how much the shares of a split may miss 1: thirds are written 0.333.
const roundedShares = 0.0011

// control reads which variant the others are compared with.
func (l *loader) control(o Object, e *Experiment) {
	n := o.require("control", "write the variant that the others are compared with, such as control: A")
	if n == nil {
		return
	}
	name, ok := l.scalar(n, "\"control\"")
	var names []string
	for _, v := range e.Variants {
		names = append(names, v.Name)
	}
	if ok && len(names) > 0 && !slices.Contains(names, name) {
		l.errorf(n.pos, "\"control\" is a variant of split, not %s: write %s", quoted(name), list(names))
	}
	e.Control = name
}

// expose makes the cohort of an experiment: users enter with their first exposure in any variant.
func (l *loader) expose(o Object, e *Experiment) {
	x := &e.exposure
	x.Only, x.Until, x.before = AnyVariant, e.Until, l.endOf(e.Until)
	for _, v := range e.Variants {
		x.Variants = append(x.Variants, v.Name)
	}
	slices.Sort(x.Variants)
	e.Cohort = Cohort{
		Name: hidden + e.Name, Grain: GrainDay, Entry: l.exposed(o, *x),
		Segments: []Segment{{Name: VariantSegment, Path: x.Path, Values: x.Variants}},
	}
}

// hidden begins the names of cohorts and metrics that are computed and not shown; no name in a catalog begins so.
const hidden = "experiment:"

// endOf returns the end of a local day (ms), 0 for none.
func (l *loader) endOf(day string) int64 {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return 0
	}
	return 1000 * calendar.New(l.catalog.Location, l.catalog.WeekStart).Start(calendar.FromDate(t.Date())+1)
}

// exposed returns the selector of exposures, NoSelector where what it needs has problems.
func (l *loader) exposed(o Object, x Exposure) int {
	return l.intern(Selector{Exposure: &x}, nil, o.pos, x.Of != NoSelector && len(x.Path) > 0 && len(x.Variants) > 0)
}

func (l *loader) trials(n *node, e *Experiment) {
	for _, item := range l.items(n, "metrics", "[activated]", maxTrials) {
		if m := l.trial(item, e); m != nil {
			e.Metrics = append(e.Metrics, *m)
		}
	}
}

// trial reads one metric of an experiment: its name, or {metric: weekly_return, period: 4}. It returns nil after reporting why it cannot be.
func (l *loader) trial(n *node, e *Experiment) *Metric {
	o := Object{loader: l, pos: n.pos}
	named := n
	if n.kind == mapNode {
		o, _ = l.object(n, "a metric of an experiment", trialKeys)
		if named = o.require("metric", "write the name of a metric"); named == nil {
			return nil
		}
	}
	name := l.text(named, "metrics", "activated")
	if name == "" {
		return nil
	}
	at := l.catalog.named(name)
	if at < 0 {
		l.noMetric(named, name, l.triable())
		return nil
	}
	m := l.catalog.Metrics[at]
	switch {
	case slices.ContainsFunc(e.Metrics, func(other Metric) bool { return other.Trial.Of == name }):
		l.errorf(named.pos, "the metric %s is listed twice: remove one", quoted(name))
		return nil
	case m.Periods.Last > 0 && m.Periods.After != NoMetric:
		l.errorf(named.pos, "%s counts only users whom %s counts, and the variants may differ in who they are: write a retention without \"after\"", quoted(name), l.catalog.Metrics[m.Periods.After].Name)
		return nil
	case m.Periods.Last == 0 && m.Within == 0:
		l.errorf(named.pos, "%s has no \"within\", so it is never known that a user does not get there: write within: 7d in that metric, or name another one", quoted(name))
		return nil
	}
	return l.asTrial(o, &m, e)
}

// triable names the metrics that an experiment can ask.
func (l *loader) triable() (names []string) {
	for i := range l.catalog.Metrics {
		m := &l.catalog.Metrics[i]
		if m.Name != "" && (m.Within > 0 || m.Periods.Last > 0 && m.Periods.After == NoMetric) {
			names = append(names, m.Name)
		}
	}
	return names
}

// asTrial asks a metric again of the users of an experiment.
func (l *loader) asTrial(o Object, m *Metric, e *Experiment) *Metric {
	t := &Trial{Of: m.Name, Period: m.TargetPeriod()}
	if n := o.get("period"); n != nil {
		if m.Periods.Last == 0 {
			l.errorf(n.pos, "\"period\" does not go with kind %s, which has no periods: remove it", m.Kind)
		} else {
			t.Period = o.count("period", t.Period, 0, m.Periods.Last)
		}
	}
	m.Trial = t
	if e.Cohort.Entry == NoSelector {
		return m // what it needs was reported
	}
	x := e.exposure // that of the entry's selector may be another experiment's
	t.Variants = x.Variants
	for i := range x.Variants {
		x.Only = i
		t.Seen = append(t.Seen, l.exposed(o, x))
	}
	x.Only = OtherVariant
	t.Seen = append(t.Seen, l.exposed(o, x))
	m.Name = hidden + e.Name + ":" + m.Name
	m.Periods.After, m.Periods.Split = NoMetric, NoMetric
	m.Guardrails, m.Target, m.Predicts = nil, nil, nil
	if m.Active != NoSelector {
		m.Active = m.Steps[0].Selector // only whether users get there counts
	}
	return m
}

// takes reports whether an event of a time (ms) whose variant is text is such an exposure.
func (x *Exposure) takes(t int64, text string) bool {
	if text == event.None || text == "" || x.before != 0 && t >= x.before {
		return false
	}
	at, listed := slices.BinarySearch(x.Variants, text)
	switch x.Only {
	case AnyVariant:
		return true
	case OtherVariant:
		return !listed
	default:
		return listed && at == x.Only
	}
}

// words are the canonical text of an exposure, before that of the selector it narrows.
func (x *Exposure) words() string {
	text := "{any variant of "
	switch x.Only {
	case AnyVariant:
	case OtherVariant:
		text = "{variants but " + strings.Join(quoteAll(x.Variants), ", ") + " of "
	default:
		text = "{variant " + strconv.Quote(x.Variants[x.Only]) + " of "
	}
	text += strings.Join(x.Path, ".")
	if x.Until != "" {
		text += " until " + x.Until
	}
	return text + "} "
}

func quoteAll(texts []string) (out []string) {
	for _, t := range texts {
		out = append(out, strconv.Quote(t))
	}
	return out
}
