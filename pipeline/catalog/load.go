package catalog

import (
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
)

// The keys of each part of a catalog; schemas/catalog.schema.json lists the same.
var (
	catalogKeys = []string{
		"version", "product", "timezone", "week_start", "users", "allowed_lateness", "settle", "windows",
		"false_alarms_per_month", "example_users", "defaults", "cohorts", "metrics",
	}
	cohortKeys    = []string{"name", "entry", "grain", "segments"}
	entryKeys     = []string{"event", "where", "first_seen"}
	segmentKeys   = []string{"name", "path", "values"}
	defaultKeys   = []string{"owner", "objective", "indicator", "direction", "action", "runbook", "labels", "review_by"}
	metricKeys    = slices.Concat([]string{"name", "kind", "cohort"}, defaultKeys, []string{"description", "target", "guardrails"})
	kindKeys      = map[string][]string{"activation": {"steps", "order", "within"}, "ttfv": {"value", "within"}, "adoption": {"feature", "active", "within"}}
	stepKeys      = []string{"event", "where", "count", "name"}
	featureKeys   = []string{"event", "where", "name"}
	activeKeys    = []string{"event", "where"}
	targetKeys    = []string{"value", "by"}
	guardrailKeys = []string{"severity", "below", "above", "age", "window", "min_sample", "consecutive"}
)

// loader collects a catalog and its problems.
type loader struct {
	file      *file
	catalog   *Catalog
	problems  Problems
	selectors map[string]int // index by canonical text
	defaults  Governance
	reviewBy  pos // of the defaults
}

func (l *loader) errorf(at pos, format string, args ...any) {
	l.problems.add(at, Error, format, args...)
}

func (l *loader) warnf(at pos, format string, args ...any) {
	l.problems.add(at, Warning, format, args...)
}

// Load reads, checks and compiles a catalog. It reports all problems in one go, sorted by position; the catalog
// is nil when one of them is an error. What a catalog leaves out: timezone UTC, week_start monday, users
// identified, allowed_lateness 24h, settle 10m, windows 1h, 1d and 7d/1d, false_alarms_per_month 1, example_users 0.
func Load(data []byte) (*Catalog, Problems) {
	f, problems := parse(data)
	if f == nil {
		return nil, problems
	}
	l := &loader{file: f, catalog: &Catalog{}, problems: problems, selectors: map[string]int{}}
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
	if o.choice("week_start", "monday", "monday", "sunday") == "monday" {
		c.WeekStart = time.Monday
	}
	c.AllUsers = o.choice("users", "identified", "all", "identified") == "all"
	c.AllowedLateness = o.duration("allowed_lateness", day, 0)
	c.Settle = o.duration("settle", 10*time.Minute, 0)
	l.windows(o)
	c.FalseAlarms = o.falseAlarms()
	c.ExampleUsers = o.count("example_users", 0, 0, maxExampleUsers)
	if n := o.get("defaults"); n != nil {
		l.readDefaults(n)
	}
	if n := o.require("cohorts", "write at least one"); n != nil {
		l.cohorts(n)
	}
	if n := o.require("metrics", "write at least one"); n != nil {
		c.places.metrics = o.keys["metrics"]
		l.metrics(n)
	}
}

// falseAlarms reads the budget of detection without configuration; 0 switches that off.
func (o object) falseAlarms() float64 {
	n := o.get("false_alarms_per_month")
	if n == nil {
		return 1
	}
	v, ok := number(n)
	if !ok || v < 0 || v > maxFalseAlarms {
		o.errorf(n.pos, "%q is a number from 0 to %d, not %s: write 1 for one a month, 0 for no detection without guardrails",
			"false_alarms_per_month", maxFalseAlarms, describe(n))
	}
	return v
}

func (l *loader) version(o object) {
	n := o.require("version", "begin with \"version: 1\"")
	if n != nil && (n.kind != numberNode || n.text != "1") {
		l.errorf(n.pos, "the version is 1, not %s: write \"version: 1\"", describe(n))
	}
}

func (l *loader) timezone(o object) {
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
		l.errorf(n.pos, "unknown time zone %s: write an IANA name, such as %s", quoted(name), zoneLike(name))
		return
	}
	l.catalog.Timezone, l.catalog.Location = name, location
}

// zoneLike suggests a zone; only the commonest are known by name.
func zoneLike(name string) string {
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

func (l *loader) windows(o object) {
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
	for _, other := range l.catalog.Cohorts {
		if c.Name != "" && other.Name == c.Name {
			o.errorf(o.get("name").pos, "there is already a cohort %q: write another name", c.Name)
		}
	}
	if e := o.require("entry", "write entry: {event: signed_up} or entry: {first_seen: true}"); e != nil {
		c.Entry, c.FirstSeen = l.entry(e)
	}
	o.require("grain", "write grain: day, week or month")
	switch o.choice("grain", "", "day", "week", "month") {
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
	case near != "":
		l.errorf(n.pos, "there is no cohort %s: write %s", quoted(name), near)
	case len(names) > 0:
		l.errorf(n.pos, "there is no cohort %s: write %s", quoted(name), list(names))
	default:
		l.errorf(n.pos, "there is no cohort %s: add it to cohorts", quoted(name))
	}
	return 0
}
