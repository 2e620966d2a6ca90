package worker

import (
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
)

// Cells stand under the generation in which their definition was taken up. What a change leaves as it was goes on there, and only what
// is new or changed is computed from the stream's start, in a generation beside. Once that has caught up, a further generation unites
// the users of both and goes on with all of it: cells of what stays under their own generation, the others under that of the one beside.

// Plan is how a generation comes by its numbers.
type Plan struct {
	// Origins are the generations under which cells stand that are not under this one. A generation beside does not compute what they name.
	Origins Origins
	// Joins is the generation beside whose users this one unites with those that were in force; 0: none, it reads the stream from its start.
	Joins uint32
	// CompleteFrom (ms) is, by name, of metrics that were taken up when the stream did not hold any more all that was counted: the received
	// time of the first message that it held, and a minute. Their cohorts have more entries than they know of, so they count users who
	// enter from the next day on; see CountsFrom.
	CompleteFrom map[string]int64
	// Partitions is how many there are; 0: as many as those in force have.
	Partitions uint16
}

// partial reports whether a generation computes a part of its catalog, for another one to join.
func (p *Plan) partial() bool { return p.Joins == 0 && len(p.Origins) > 0 }

// CountsFrom is the entry (ms) from which a metric counts users that is complete from a time (ms) on: the start of the next local day of
// its catalog, because cells tell days apart; 0 of one that is complete.
func CountsFrom(c *catalog.Catalog, completeFrom int64) int64 {
	if completeFrom == 0 {
		return 0
	}
	cal := calendar.New(c.Location, c.WeekStart)
	return 1000 * cal.Start(cal.DayOf(completeFrom/1000)+1)
}

// Origins says under which generation cells stand, by what they count.
type Origins map[string]uint32

// VolumesOrigin names event volumes in Origins.
const VolumesOrigin = "volumes"

// MetricOrigin names a metric in Origins.
func MetricOrigin(name string) string { return "metric " + name }

// CohortOrigin names a cohort in Origins.
func CohortOrigin(name string) string { return "cohort " + name }

// Of returns the generation under which cells stand.
func (o Origins) Of(what string, own uint32) uint32 {
	if g, ok := o[what]; ok {
		return g
	}
	return own
}

// keptOrigins are the origins of what stays of a catalog, whose cells stand under those of the generation in force.
func keptOrigins(c *catalog.Catalog, kept *catalog.Kept, force uint32, inForce Origins) Origins {
	if !kept.Any() {
		return nil
	}
	o := Origins{VolumesOrigin: inForce.Of(VolumesOrigin, force)}
	for i, stays := range kept.Metrics {
		if name := MetricOrigin(c.Metrics[i].Name); stays {
			o[name] = inForce.Of(name, force)
		}
	}
	for i, stays := range kept.Cohorts {
		if name := CohortOrigin(c.Cohorts[i].Name); stays {
			o[name] = inForce.Of(name, force)
		}
	}
	return o
}

// joined are the origins of a generation that joins one beside, which has computed the rest.
func (o Origins) joined(c *catalog.Catalog, beside uint32) Origins {
	all := Origins{VolumesOrigin: o.Of(VolumesOrigin, beside)}
	for i := range c.Metrics {
		name := MetricOrigin(c.Metrics[i].Name)
		all[name] = o.Of(name, beside)
	}
	for i := range c.Cohorts {
		name := CohortOrigin(c.Cohorts[i].Name)
		all[name] = o.Of(name, beside)
	}
	return all
}

// truncated names the metrics of the catalog that are new in a cohort that stays, and that a stream which begins at a time (ms) does not
// give all events for; and those that stay of them that were so before.
func truncated(c *catalog.Catalog, kept *catalog.Kept, from int64, before map[string]int64) map[string]int64 {
	all := map[string]int64{}
	for i := range c.Metrics {
		switch name := c.Metrics[i].Name; {
		case kept.Metrics[i] && before[name] != 0:
			all[name] = before[name]
		case !kept.Metrics[i] && kept.Cohorts[c.Metrics[i].Cohort] && from != 0:
			all[name] = from
		}
	}
	return all
}

// kept is what of a catalog a plan's origins name, but for the generation that is joined.
func (p *Plan) kept(c *catalog.Catalog) *catalog.Kept {
	stays := func(what string) bool {
		origin, ok := p.Origins[what]
		return ok && origin != p.Joins
	}
	k := &catalog.Kept{Metrics: make([]bool, len(c.Metrics)), Cohorts: make([]bool, len(c.Cohorts))}
	for i := range c.Metrics {
		k.Metrics[i] = stays(MetricOrigin(c.Metrics[i].Name))
	}
	for i := range c.Cohorts {
		k.Cohorts[i] = stays(CohortOrigin(c.Cohorts[i].Name))
	}
	return k
}

// origins are a plan's for the cells of one partition, by index in the catalog.
type origins struct {
	metrics, cohorts []uint32
	volumes          uint32
}

func (p *Plan) originsOf(c *catalog.Catalog, own uint32) origins {
	o := origins{volumes: p.Origins.Of(VolumesOrigin, own)}
	for i := range c.Metrics {
		o.metrics = append(o.metrics, p.Origins.Of(MetricOrigin(c.Metrics[i].Name), own))
	}
	for i := range c.Cohorts {
		o.cohorts = append(o.cohorts, p.Origins.Of(CohortOrigin(c.Cohorts[i].Name), own))
	}
	return o
}

func (o *origins) of(k cohort.Key) uint32 {
	switch k.Kind {
	case cohort.Volume:
		return o.volumes
	case cohort.Entry:
		return o.cohorts[k.Name]
	default:
		return o.metrics[k.Name]
	}
}
