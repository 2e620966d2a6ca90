package memstore

import (
	"strconv"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// over is how many periods of the users of a cell have ended.
func (e *evaluator) over(p panel, c *placed) (n int) {
	for ; n <= p.metric.Periods.Last; n++ {
		if !e.ended(p.metric.Periods.Unit, c, n) {
			break
		}
	}
	return n
}

// ended reports whether the k-th period of the users of a cell has ended.
func (e *evaluator) ended(unit catalog.Unit, c *placed, k int) bool {
	if !unit.Calendar() {
		return e.old(c, int64((k+1)*unit.Days()*86400))
	}
	d := calendar.FromDate(c.Day.Date())
	switch unit {
	case catalog.CalendarWeek:
		d = e.days.Week(d) + calendar.Day(7*(k+1))
	case catalog.CalendarMonth:
		t := d.Time()
		d = calendar.FromDate(t.Year(), t.Month()+time.Month(k+1), 1)
	default:
		d += calendar.Day(k + 1)
	}
	return e.today != nil && d <= *e.today
}

// startOf is a cell of users told apart as one of users by when they started: its value says so where that is not the entry.
func startOf(unit catalog.Unit, c placed) placed {
	n, err := strconv.ParseInt(c.Value, 10, 64)
	switch {
	case err != nil:
	case unit.Calendar():
		c.Day = calendar.Day(n).Time()
	default:
		c.BucketEnd = time.Unix(60*n, 0).UTC()
	}
	return c
}

// retentionBySplit counts the users of each period apart, of whom it is known where they belong.
func (e *evaluator) retentionBySplit(p panel) {
	type side struct{ eligible, returned uint64 }
	type row struct {
		start  time.Time
		period int
	}
	rows := map[row]*[2]side{}
	by := p
	by.metric = &e.catalog.Metrics[p.metric.Periods.Split]
	for stage := range 2 {
		for _, c := range e.reached(p, "period", 1+stage) {
			if !e.eligible(by, &c) || c.N == 0 {
				continue
			}
			started := startOf(p.metric.Periods.Unit, c)
			for k := range e.over(p, &started) {
				if rows[row{c.CohortStart, k}] == nil {
					rows[row{c.CohortStart, k}] = &[2]side{}
				}
				in, _ := c.returns(k)
				s := &rows[row{c.CohortStart, k}][stage]
				s.eligible, s.returned = s.eligible+uint64(c.N), s.returned+in
			}
		}
	}
	for r, sides := range rows {
		keys := p.keys("")
		keys["cohort_start"], keys["period"], keys["split"] = r.start, uint64(r.period), by.metric.Name
		e.add("retention_by_split", "", keys, Row{
			"activated_eligible": sides[0].eligible, "activated_returned": sides[0].returned,
			"other_eligible": sides[1].eligible, "other_returned": sides[1].returned,
		})
	}
}

// retentionByCohort counts the users of each period that has ended for anybody.
func (e *evaluator) retentionByCohort(p panel) {
	cells, started := map[group][]placed{}, map[group]uint64{}
	for _, c := range e.reached(p, "period", 0) {
		g := group{c.Value, c.CohortStart}
		cells[g], started[g] = append(cells[g], c), started[g]+uint64(c.N)
	}
	for g, own := range cells {
		for k := range p.metric.Periods.Last + 1 {
			var eligible, returned, since uint64
			for i := range own {
				if c := &own[i]; e.over(p, c) > k {
					in, later := c.returns(k)
					eligible, returned, since = eligible+uint64(c.N), returned+in, since+later
				}
			}
			if eligible == 0 {
				break // later periods end later
			}
			keys := p.keys(g.value)
			keys["cohort_start"], keys["period"] = g.start, uint64(k)
			e.add("retention_by_cohort", p.suffix, keys, Row{
				"period_days": periodDays(p.metric.Periods.Unit), "started": started[g], "eligible": eligible, "returned": returned,
				"returned_since": since, "is_mature": eligible == started[g] && e.waiting(p, g) == 0, "as_of": instant(e.asOf),
			})
		}
	}
}

// returns are the users of a cell who came back in the k-th period, and in it or later.
func (c *placed) returns(k int) (in, since uint64) {
	for i, period := range c.Ages {
		if int(period) == k {
			in = c.Counts[i]
		}
		if int(period) >= k {
			since += c.Sums[i]
		}
	}
	return in, since
}

func periodDays(unit catalog.Unit) any {
	if n := unit.Days(); n > 0 {
		return uint64(n)
	}
	return nil
}

// waiting counts the users of a group who can still get to what starts them.
func (e *evaluator) waiting(p panel, g group) (n int64) {
	if p.metric.Periods.After == catalog.NoMetric {
		return 0
	}
	after := p
	after.metric = &e.catalog.Metrics[p.metric.Periods.After]
	young := func(cells []placed) (n int64) {
		for i := range cells {
			if c := &cells[i]; c.Value == g.value && c.CohortStart.Equal(g.start) && !e.eligible(after, c) {
				n += c.N
			}
		}
		return n
	}
	return young(e.entries(p)) - young(e.reached(after, "reach", 0))
}
