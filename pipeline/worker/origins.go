package worker

import (
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
	// Partitions is how many there are; 0: as many as those in force have.
	Partitions uint16
}

// partial reports whether a generation computes a part of its catalog, for another one to join.
func (p *Plan) partial() bool { return p.Joins == 0 && len(p.Origins) > 0 }

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
