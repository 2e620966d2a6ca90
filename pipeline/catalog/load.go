package catalog

import (
	"math"
	"slices"
	"time"
	_ "time/tzdata" // time zones must not depend on the machine

	"firstlight/pipeline/nearest"
)

// Bounds of one catalog, far above what a team can keep in its head.
const (
	maxMetrics    = 500
	maxCohorts    = 100
	maxSegments   = 20
	maxWindows    = 20
	maxSteps      = 64 // stored as bits of one word
	maxCount      = 1_000_000
	maxNames      = 1000 // event names of one selector, values of one segment
	maxLabels     = 50
	maxGuardrails = 50

	maxExampleUsers = 20
	maxFalseAlarms  = 1000

	falseAlarmsOfOne = 0.08 // a month, of one metric, where the catalog does not say
)

// The keys of each part of a catalog; schemas/catalog.schema.json lists the same.
var (
	catalogKeys = []string{
		"version", "product", "timezone", "week_start", "users", "allowed_lateness", "settle", "windows",
		"false_alarms_per_month", "example_users", "exclude", "sources", "review", "defaults", "cohorts", "metrics", "experiments", "voices",
	}
	excludeKeys    = []string{"where", "users_with"}
	sourceKeys     = []string{"owner", "watch", "retired"}
	cohortKeys     = []string{"name", "entry", "grain", "segments"}
	entryKeys      = []string{"event", "where", "first_seen"}
	segmentKeys    = []string{"name", "path", "values"}
	reviewKeys     = []string{"day", "hour", "send"}
	defaultKeys    = []string{"owner", "objective", "indicator", "direction", "action", "runbook", "labels", "review_by", "stage"}
	metricKeys     = slices.Concat([]string{"name", "kind", "cohort"}, defaultKeys, []string{"description", "target", "guardrails", "predicts"})
	stepKeys       = []string{"event", "where", "count", "distinct", "name"}
	useKeys        = []string{"event", "where", "name"} // of a step without a count
	selectorKeys   = []string{"event", "where"}
	targetKeys     = []string{"value", "by", "period"}
	predictsKeys   = []string{"metric", "period", "least"}
	experimentKeys = []string{"name", "hypothesis", "owner", "exposure", "variant", "split", "control", "metrics", "least_effect", "until"}
	voiceKeys      = []string{"name", "event", "where", "text"}
	trialKeys      = []string{"metric", "period"}
	guardrailKeys  = []string{"severity", "below", "above", "age", "period", "window", "min_sample", "consecutive"}
)

// loader collects a catalog and its problems.
type loader struct {
	file      *file
	kinds     []Kind // the first is taken for one that is not known, so that the rest of its metric is checked too
	catalog   *Catalog
	problems  Problems
	selectors map[string]int // index by canonical text
	defaults  Governance
	reviewBy  pos // of the defaults

	// What was reported once: what refers to it is not reported too.
	badWindows, badCohorts []string

	ofDefaults []doubt // about values that metrics take from defaults
	directedAt pos     // where defaults give a direction

	inDefaults map[string]pos // the keys there

	others      []mentioned // metrics that metrics name
	predictions []predicting

	steps      []written // of the metric being read, value and feature too
	guardrails []pos
}

// written is where a step and its count stand, and whether it is given a name of its own.
type written struct {
	pos
	count pos
	named bool
}

func (l *loader) errorf(at pos, format string, args ...any) {
	l.problems.add(at, Error, format, args...)
}

func (l *loader) warnf(at pos, format string, args ...any) {
	l.problems.add(at, Warning, format, args...)
}

// Load reads, checks and compiles a catalog whose metrics are of some kinds, at least one. It reports all problems in one go, sorted by position; the catalog
// is nil when one of them is an error. What a catalog leaves out: timezone UTC, week_start monday, users
// identified, allowed_lateness 24h, settle 10m, windows 1h, 1d and 7d/1d, false_alarms_per_month 0.08 for each metric, example_users 0.
func Load[K Kind](data []byte, kinds []K) (*Catalog, Problems) {
	f, problems := parse(data)
	if f == nil {
		return nil, problems
	}
	l := &loader{file: f, catalog: &Catalog{}, problems: problems, selectors: map[string]int{}}
	for _, k := range kinds {
		l.kinds = append(l.kinds, k)
	}
	l.load(f.root)
	l.problems.sort()
	l.problems = slices.Compact(l.problems) // an alias is read once per use
	if l.problems.Failed() {
		return nil, l.problems
	}
	return l.catalog, l.problems
}

func (l *loader) load(root *node) {
	o, ok := l.object(root, "a catalog", catalogKeys)
	if !ok {
		return
	}
	l.version(o)
	c := l.catalog
	c.Product = o.text("product", "acme")
	l.timezone(o)
	if o.Choice("week_start", "monday", "monday", "sunday") == "monday" {
		c.WeekStart = time.Monday
	}
	c.AllUsers = o.Choice("users", "identified", "all", "identified") == "all"
	c.AllowedLateness = o.duration("allowed_lateness", day, 0)
	c.Settle = o.duration("settle", 10*time.Minute, 0)
	l.windows(o)
	c.FalseAlarms = o.falseAlarms()
	c.ExampleUsers = o.count("example_users", 0, 0, maxExampleUsers)
	excluded := o.get("exclude")
	if excluded != nil {
		l.exclude(excluded)
	}
	if n := o.get("sources"); n != nil {
		l.sources(n)
	}
	if n := o.get("review"); n != nil {
		l.review(n)
	}
	if n := o.get("defaults"); n != nil {
		l.readDefaults(n)
	}
	if n := o.require("cohorts", "write at least one"); n != nil {
		l.cohorts(n)
		l.doubtExclude(excluded)
	}
	if n := o.require("metrics", "write at least one"); n != nil {
		c.places.metrics = o.keys["metrics"]
		l.metrics(n)
		l.resolve()
		l.predicts()
		l.doubtDefaults()
		if e := o.get("experiments"); e != nil {
			l.experiments(e)
		}
	}
	if n := o.get("voices"); n != nil {
		l.voices(n)
	}
	if math.IsNaN(c.FalseAlarms) {
		c.FalseAlarms = falseAlarmsOfOne * float64(len(c.Metrics))
	}
}

// falseAlarms reads the budget of detection without configuration; 0 switches that off. What is not said depends on how many metrics
// there are.
func (o Object) falseAlarms() float64 {
	n := o.get("false_alarms_per_month")
	if n == nil {
		return math.NaN()
	}
	v, ok := number(n)
	if !ok || v < 0 || v > maxFalseAlarms {
		o.errorf(n.pos, "%q is a number from 0 to %d, not %s: write 1 for one a month, 0 for no detection without guardrails",
			"false_alarms_per_month", maxFalseAlarms, describe(n))
	}
	return v
}

func (l *loader) version(o Object) {
	n := o.require("version", "begin with \"version: 1\"")
	if n != nil && (n.kind != numberNode || n.text != "1") {
		l.errorf(n.pos, "the version is 1, not %s: write \"version: 1\"", describe(n))
	}
}

func (l *loader) timezone(o Object) {
	l.catalog.Timezone, l.catalog.Location = "UTC", time.UTC
	n := o.get("timezone")
	if n == nil {
		return
	}
	name := l.text(n, "timezone", "Europe/Berlin")
	if name == "" {
		return
	}
	location, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		l.errorf(n.pos, "unknown time zone %s: write an IANA name, such as %s", quoted(name), ZoneLike(name))
		return
	}
	l.catalog.Timezone, l.catalog.Location = name, location
}

// ZoneLike suggests a time zone for a misspelt name; only the commonest are known by name.
func ZoneLike(name string) string {
	common := []string{
		"UTC", "Europe/London", "Europe/Berlin", "Europe/Paris", "Europe/Madrid", "America/New_York", "America/Chicago",
		"America/Denver", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Shanghai", "Asia/Singapore",
		"Asia/Tokyo", "Australia/Sydney", "Africa/Johannesburg",
	}
	if near := nearest.Name(name, common); near != "" {
		return near
	}
	return "Europe/Berlin"
}

func (l *loader) windows(o Object) {
	n := o.get("windows")
	if n == nil {
		l.catalog.Windows = []Window{{Name: "1h", Kind: Hour}, {Name: "1d", Kind: Day}, {Name: "7d/1d", Kind: Trailing, Days: 7}}
		return
	}
	for _, item := range l.items(n, "windows", "[1h, 1d, 7d/1d]", maxWindows) {
		w, hint := parseWindow(item.text)
		switch {
		case hint != "" || item.kind != textNode:
			l.errorf(item.pos, "unknown window %s: %s", describe(item), hint)
			l.badWindows = append(l.badWindows, item.text)
		case slices.Contains(l.catalog.Windows, w):
			l.errorf(item.pos, "the window %s is listed twice: remove one", w.Name)
		default:
			l.catalog.Windows = append(l.catalog.Windows, w)
		}
	}
}

func (l *loader) cohorts(n *node) {
	for _, item := range l.items(n, "cohorts", "- {name: signup, entry: {event: signed_up}, grain: week}", maxCohorts) {
		l.catalog.Cohorts = append(l.catalog.Cohorts, l.cohort(item))
	}
}

func (l *loader) cohort(n *node) Cohort {
	o, ok := l.object(n, "a cohort", cohortKeys)
	if !ok {
		return Cohort{}
	}
	c := Cohort{Name: o.name("signup")}
	if n := o.get("name"); n != nil && c.Name == "" {
		l.badCohorts = append(l.badCohorts, n.text)
	}
	for _, other := range l.catalog.Cohorts {
		if c.Name != "" && other.Name == c.Name {
			o.errorf(o.get("name").pos, "there is already a cohort %q: write another name", c.Name)
		}
	}
	if e := o.require("entry", "write entry: {event: signed_up} or entry: {first_seen: true}"); e != nil {
		c.Entry, c.FirstSeen = l.entry(e)
	}
	o.require("grain", "write grain: day, week or month")
	switch o.Choice("grain", "", "day", "week", "month") {
	case "week":
		c.Grain = GrainWeek
	case "month":
		c.Grain = GrainMonth
	}
	if s := o.get("segments"); s != nil && !s.emptyList() {
		for _, item := range l.items(s, "segments", "[plan]", maxSegments) {
			c.Segments = l.segment(c.Segments, item)
		}
	}
	return c
}

// entry reads {event: …, where: …}, a plain event name, or {first_seen: true}.
func (l *loader) entry(n *node) (selector int, firstSeen bool) {
	if n.kind != mapNode {
		return l.selector(n, "entry"), false
	}
	o, _ := l.object(n, "an entry", entryKeys)
	first := o.get("first_seen")
	if first == nil {
		return l.selectorOf(o), false
	}
	if first.kind != boolNode || first.text != "true" {
		l.errorf(first.pos, "\"first_seen\" is true, not %s: write first_seen: true, or an event instead", describe(first))
	}
	for _, key := range []string{"event", "where"} {
		if other := o.get(key); other != nil {
			l.errorf(other.pos, "%q does not go with first_seen: remove one of the two", key)
		}
	}
	return l.intern(Selector{}, nil, o.pos, true), true
}

// reference returns the index of the cohort that n names, 0 after reporting that there is none.
func (l *loader) reference(n *node) int {
	name := l.text(n, "cohort", "signup")
	if name == "" {
		return 0
	}
	var names []string
	for i, c := range l.catalog.Cohorts {
		if c.Name == name {
			return i
		}
		if c.Name != "" && !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	near := nearest.Name(name, names)
	switch {
	case slices.Contains(l.badCohorts, name):
	case near != "":
		l.errorf(n.pos, "there is no cohort %s: write %s", quoted(name), near)
	case len(names) > 0:
		l.errorf(n.pos, "there is no cohort %s: write %s", quoted(name), list(names))
	default:
		l.errorf(n.pos, "there is no cohort %s: add it to cohorts", quoted(name))
	}
	return 0
}
