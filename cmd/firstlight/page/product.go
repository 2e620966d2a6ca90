package page

import (
	"net/http"
	"slices"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/collect"
)

// product is what the page needs of the catalog beside the views.
type product struct {
	Name            string          `json:"name"`
	Timezone        string          `json:"timezone"`
	LatenessSeconds int64           `json:"lateness_seconds"`
	Windows         []string        `json:"windows"`
	LeastUsers      int             `json:"least_users"`         // fewer are not compared, coloured, or joined to a line
	AsOf            string          `json:"as_of,omitempty"`     // of this moment, so that nobody waits for a view to know the days to show
	Importing       bool            `json:"importing"`           // events of the past are being loaded, and may be counted half
	Notes           []string        `json:"notes,omitempty"`     // what of the catalog is not in force
	Collector       string          `json:"collector,omitempty"` // where the page's form sends an event
	Events          []string        `json:"events,omitempty"`    // that the catalog asks for, where there is a form
	Collected       *collect.Counts `json:"collected,omitempty"` // what came over HTTP to this process, where it takes events
	Metrics         []metric        `json:"metrics"`
	Experiments     []experiment    `json:"experiments"`
	Voices          bool            `json:"voices"` // people say something in words
	Stages          []string        `json:"stages"` // that metrics belong to, in their order
}

type metric struct {
	Name          string   `json:"name"`
	Kind          string   `json:"kind"`
	Grain         string   `json:"grain"`
	WithinSeconds int64    `json:"within_seconds"`     // 0: no limit
	Sequence      bool     `json:"sequence"`           // steps count after those before them
	Period        string   `json:"period,omitempty"`   // of a kind that follows users in periods, their unit
	TargetPeriod  int      `json:"target_period"`      // the one that the metric's number is of
	After         string   `json:"after,omitempty"`    // the metric that users start with
	Split         string   `json:"split,omitempty"`    // the metric that they are told apart by
	Predicts      string   `json:"predicts,omitempty"` // the lagging metric that it stands for
	Stage         string   `json:"stage,omitempty"`    // of the product that it belongs to
	Segments      []string `json:"segments"`
	Steps         []string `json:"steps"` // names, in the catalog's order
}

func serveProduct(config *Config) http.Handler {
	c := config.Catalog
	p := product{Name: c.Product, Timezone: c.Location.String(), LatenessSeconds: int64(c.AllowedLateness / time.Second), LeastUsers: config.LeastUsers, Collector: config.Collector, Voices: len(c.Voices) > 0}
	if p.Collector != "" {
		p.Events = eventNames(c)
	}
	for _, w := range c.Windows {
		p.Windows = append(p.Windows, w.Name)
	}
	for _, m := range c.Metrics {
		cohort := c.Cohorts[m.Cohort]
		segments := []string{}
		for _, s := range cohort.Segments {
			segments = append(segments, s.Name)
		}
		p.Metrics = append(p.Metrics, described(c, &m, segments))
	}
	p.Experiments, p.Stages = experiments(c), stages(c)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := p
		if at := config.AsOf(); !at.IsZero() {
			now.AsOf = moment(at, "DateTime64")
		}
		now.Importing, now.Notes = config.Importing(), config.Notes()
		if config.Collected != nil {
			counts := config.Collected()
			now.Collected = &counts
		}
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, http.StatusOK, now)
	})
}

func described(c *catalog.Catalog, m *catalog.Metric, segments []string) metric {
	out := metric{
		Name: m.Name, Kind: m.Kind.String(), Grain: c.Cohorts[m.Cohort].Grain.String(), WithinSeconds: int64(m.Within / time.Second),
		Sequence: m.Sequence, TargetPeriod: m.TargetPeriod(), Segments: segments, Stage: m.Stage,
	}
	out.Steps = make([]string, 0, len(m.Steps))
	for _, s := range m.Steps {
		out.Steps = append(out.Steps, s.Name)
	}
	if m.Periods.Last > 0 {
		out.Period = m.Periods.Unit.String()
	}
	if p := m.Predicts; p != nil {
		out.Predicts = c.Metrics[p.Metric].Name
	}
	out.After, out.Split = c.NameOf(m.Periods.After, m), c.NameOf(m.Periods.Split, m)
	return out
}

// stages are the stages of the product that metrics belong to, in their order.
func stages(c *catalog.Catalog) []string {
	return slices.DeleteFunc(slices.Clone(catalog.Stages), func(stage string) bool {
		return !slices.ContainsFunc(c.Metrics, func(m catalog.Metric) bool { return m.Stage == stage })
	})
}

// eventNames are the events that the catalog asks for, in its order.
func eventNames(c *catalog.Catalog) (names []string) {
	for i := range c.Selectors {
		for _, name := range c.Selectors[i].Names {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
