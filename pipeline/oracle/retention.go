package oracle

import (
	"encoding/json"
	"math"
	"time"
)

func init() {
	kinds["retention"] = func() kind { return &retention{Period: "week", Periods: 12, Least: least{Events: 1}} }
}

// retention is who comes back, period by period since they started.
type retention struct {
	Return  *selector // nil: any event
	After   string
	SplitBy string `json:"split_by"`
	Period  string
	Periods int
	Least   least
	Target  struct{ Period *int }
}

// least is what makes a return: so many events, or events on so many local days.
type least struct{ Events, Days int }

func (l *least) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return json.Unmarshal(data, &l.Events)
	}
	type days least
	l.Events = 0
	return json.Unmarshal(data, (*days)(l))
}

func (r *retention) goals() []selector                   { return nil }
func (r *retention) takesEntry() bool                    { return true }
func (r *retention) reached(*calendar, []*event) []int64 { return nil }

// starter is a member who started.
type starter struct {
	*member
	start   int64
	day     day
	returns []*event
}

func (r *retention) rows(b *batch, m *metric, members []*member) {
	starts := r.starts(b, members)
	for _, p := range b.panels(m, members) {
		for _, g := range p.groups() {
			r.byCohort(b, p, g, starts)
		}
	}
	r.split(b, m, b.panels(m, members)[0], starts)
	r.status(b, m, members, starts)
}

// other finds another metric by its name; nil when there is none.
func (b *batch) other(name string) *metric {
	for i := range b.catalog.Metrics {
		if b.catalog.Metrics[i].Name == name {
			return &b.catalog.Metrics[i]
		}
	}
	return nil
}

// split tells users apart by whether they reached another metric, once its time has passed.
func (r *retention) split(b *batch, m *metric, whole panel, starts map[string]*starter) {
	by := b.other(r.SplitBy)
	if by == nil {
		return
	}
	reached := map[string]bool{}
	for _, mb := range b.members(by) {
		reached[mb.user] = mb.hasReached()
	}
	var everybody [2][]*starter
	for _, g := range whole.groups() {
		var groups [2][]*starter // who reached it, and others
		for _, mb := range g.members {
			s := starts[mb.user]
			switch {
			case s == nil || !b.eligible(whole, mb, int64(by.Within)):
			case reached[mb.user]:
				groups[0] = append(groups[0], s)
			default:
				groups[1] = append(groups[1], s)
			}
		}
		everybody[0], everybody[1] = append(everybody[0], groups[0]...), append(everybody[1], groups[1]...)
		for k := 0; k <= r.Periods; k++ {
			n, in, _ := r.count(b, false, groups[0], k)
			otherN, otherIn, _ := r.count(b, false, groups[1], k)
			if n+otherN == 0 {
				continue
			}
			row := Row{
				"split": by.Name, "period": uint64(k), "activated_eligible": uint64(n), "activated_returned": uint64(in), "activated_rate": share(in, n),
				"other_eligible": uint64(otherN), "other_returned": uint64(otherIn), "other_rate": share(otherIn, otherN),
				"difference": nil, "difference_low": nil, "difference_high": nil,
			}
			if r.later(k) >= int64(by.Within) && n > 0 && otherN > 0 {
				row["difference"], row["difference_low"], row["difference_high"] = newcombe(in, n, otherIn, otherN)
			}
			b.add("retention_by_split", whole.row(g), row)
		}
	}
	if by.Predicts != nil && by.Predicts.Metric == m.Name {
		r.prediction(b, by, everybody)
	}
}

// prediction compares those who reached a metric with all others, in the first period that begins when nobody can reach it any more.
func (r *retention) prediction(b *batch, by *metric, groups [2][]*starter) {
	k, least := 0, 0.02
	for r.later(k) < int64(by.Within) {
		k++
	}
	if by.Predicts.Period != nil {
		k = *by.Predicts.Period
	}
	if by.Predicts.Least != nil {
		least = *by.Predicts.Least
	}
	n, in, _ := r.count(b, false, groups[0], k)
	otherN, otherIn, _ := r.count(b, false, groups[1], k)
	row := Row{
		"metric": by.Name, "cohort": by.Cohort, "predicts": by.Predicts.Metric, "period": uint64(k),
		"activated_eligible": uint64(n), "activated_returned": uint64(in), "activated_rate": share(in, n),
		"other_eligible": uint64(otherN), "other_returned": uint64(otherIn), "other_rate": share(otherIn, otherN),
		"difference": nil, "difference_low": nil, "difference_high": nil, "least": least, "verdict": "not known yet", "as_of": instant(b.asOf),
	}
	if n > 0 && otherN > 0 {
		difference, low, high := newcombe(in, n, otherIn, otherN)
		row["difference"], row["difference_low"], row["difference_high"] = difference, low, high
		switch {
		case low > 0 && high < least:
			row["verdict"] = "predicts, but little"
		case low > 0:
			row["verdict"] = "predicts"
		case high < least:
			row["verdict"] = "does not"
		}
	}
	b.add("metric_prediction", row, nil)
}

// later is how long after the start the k-th period begins at least, in ms.
func (r *retention) later(k int) int64 {
	const day = 86_400_000
	length := map[string]int64{"day": 1, "week": 7, "calendar_day": 1, "calendar_week": 7, "calendar_month": 28}[r.Period] * day
	if r.Period != "day" && r.Period != "week" {
		k--
	}
	return int64(k) * length
}

// newcombe is the difference of two shares with its 95 % interval (Newcombe 1998, method 10).
func newcombe(k, n, k2, n2 int) (difference, low, high float64) {
	p, q := float64(k)/float64(n), float64(k2)/float64(n2)
	l, u := wilson(k, n)
	l2, u2 := wilson(k2, n2)
	return p - q, p - q - math.Hypot(p-l, u2-q), p - q + math.Hypot(u-p, q-l2)
}

// starts finds who started, by user, with the events that may be returns.
func (r *retention) starts(b *batch, members []*member) map[string]*starter {
	reached := map[string]int64{}
	if after := b.other(r.After); after != nil {
		for _, mb := range b.members(after) {
			if mb.hasReached() {
				reached[mb.user] = mb.reached
			}
		}
	}
	byUser := b.eventsByUser()
	starts := map[string]*starter{}
	for _, mb := range members {
		s := &starter{member: mb, start: mb.entered}
		if r.After != "" {
			at, started := reached[mb.user]
			if !started {
				continue
			}
			s.start = at
		}
		s.day = b.catalog.calendar.dayOf(s.start)
		for _, e := range byUser[mb.user] {
			again := e == mb.entry || e.at == mb.entry.at && e.id != "" && e.id == mb.entry.id
			switch {
			case r.Return != nil && !r.Return.matches(e):
			case r.After != "" && e.at <= s.start:
			case r.After == "" && (e.at < s.start || again):
			default:
				s.returns = append(s.returns, e)
			}
		}
		starts[mb.user] = s
	}
	return starts
}

// bounds are the start and the end of a user's k-th period.
func (r *retention) bounds(cal *calendar, s *starter, k int) (from, to int64) {
	edge := func(k int) int64 {
		switch r.Period {
		case "day":
			return s.start + int64(k)*24*time.Hour.Milliseconds()
		case "week":
			return s.start + int64(k)*7*24*time.Hour.Milliseconds()
		case "calendar_day":
			return cal.start(s.day + day(k))
		case "calendar_week":
			return cal.start(cal.week(s.day) + day(7*k))
		default:
			first := cal.month(s.day)
			for range k {
				first = cal.nextMonth(first)
			}
			return cal.start(first)
		}
	}
	return edge(k), edge(k + 1)
}

func (r *retention) returned(cal *calendar, s *starter, k int) bool {
	from, to := r.bounds(cal, s, k)
	events, days := 0, map[day]bool{}
	for _, e := range s.returns {
		if e.at >= from && e.at < to {
			events++
			days[cal.dayOf(e.at)] = true
		}
	}
	if r.Least.Days > 0 {
		return len(days) >= r.Least.Days
	}
	return events >= r.Least.Events
}

// returnedSince reports whether a user returned in the k-th period or any later one, over or not.
func (r *retention) returnedSince(cal *calendar, s *starter, k int) bool {
	for ; len(s.returns) > 0; k++ {
		if from, _ := r.bounds(cal, s, k); from > s.returns[len(s.returns)-1].at {
			return false
		}
		if r.returned(cal, s, k) {
			return true
		}
	}
	return false
}

// over reports whether a user's k-th period has ended; hours or days since the start are counted from the end of its hour or day.
func (r *retention) over(b *batch, segments bool, s *starter, k int) bool {
	cal := b.catalog.calendar
	_, end := r.bounds(cal, s, k)
	if r.Period == "day" || r.Period == "week" {
		bucket := cal.hour(s.start) + 3_600_000
		if segments {
			bucket = cal.start(s.day + 1)
		}
		end += bucket - s.start
	}
	return end <= b.asOf
}

// waits reports whether a member has not started and still may.
func (r *retention) waits(b *batch, p panel, starts map[string]*starter, mb *member) bool {
	if r.After == "" || starts[mb.user] != nil {
		return false
	}
	return !b.eligible(p, mb, int64(b.other(r.After).Within))
}

func (r *retention) byCohort(b *batch, p panel, g group, starts map[string]*starter) {
	var started []*starter
	for _, mb := range g.members {
		if s := starts[mb.user]; s != nil {
			started = append(started, s)
		}
	}
	waiting := count(g.members, func(mb *member) bool { return r.waits(b, p, starts, mb) })
	for k := 0; k <= r.Periods; k++ {
		n, in, since := r.count(b, p.suffix != "", started, k)
		if n == 0 {
			continue
		}
		row := Row{
			"period": uint64(k), "period_days": r.days(), "started": uint64(len(started)), "eligible": uint64(n), "returned": uint64(in),
			"returned_since": uint64(since), "rate_since": share(since, n), "is_mature": waiting == 0 && n == len(started), "as_of": instant(b.asOf),
		}
		ratio(row, in, n)
		b.add("retention_by_cohort"+p.suffix, p.row(g), row)
	}
}

func (r *retention) count(b *batch, segments bool, started []*starter, k int) (eligible, in, since int) {
	for _, s := range started {
		if !r.over(b, segments, s, k) {
			continue
		}
		eligible++
		if r.returned(b.catalog.calendar, s, k) {
			in++
		}
		if r.returnedSince(b.catalog.calendar, s, k) {
			since++
		}
	}
	return eligible, in, since
}

// days is the length of a period.
func (r *retention) days() any {
	switch r.Period {
	case "day", "calendar_day":
		return uint64(1)
	case "week", "calendar_week":
		return uint64(7)
	}
	return nil
}

// targetPeriod is the period that the metric's number is of.
func (r *retention) targetPeriod() int {
	if r.Target.Period != nil {
		return *r.Target.Period
	}
	return 1
}

// status is the rate of the target's period, of the 28 local start days that end with the newest one with an eligible user.
func (r *retention) status(b *batch, m *metric, members []*member, starts map[string]*starter) {
	k := r.targetPeriod()
	newest := day(-1 << 40)
	for _, s := range starts {
		if r.over(b, false, s, k) {
			newest = max(newest, s.day)
		}
	}
	of := func(last day) Row {
		var some []*starter
		for _, mb := range members {
			if s := starts[mb.user]; s != nil && s.day > last-28 && s.day <= last {
				some = append(some, s)
			}
		}
		n, in, _ := r.count(b, false, some, k)
		row := Row{"n": uint64(n), "value": share(in, n), "low": nil, "high": nil}
		if n > 0 {
			row["low"], row["high"] = wilson(in, n)
		}
		return row
	}
	row, before := of(newest), of(newest-28)
	row["metric"], row["kind"], row["as_of"] = m.Name, m.Kind, instant(b.asOf)
	row["previous_value"] = before["value"]
	row["change"], row["change_low"], row["change_high"] = change(row, before)
	b.add("metric_status", row, nil)
}
