package page

import (
	"net/http"
	"time"

	"firstlight/pipeline/catalog"
)

// product is what the page needs of the catalog beside the views.
type product struct {
	Name            string   `json:"name"`
	Timezone        string   `json:"timezone"`
	LatenessSeconds int64    `json:"lateness_seconds"`
	Windows         []string `json:"windows"`
	AsOf            string   `json:"as_of,omitempty"` // of this moment, so that nobody waits for a view to know the days to show
	Metrics         []metric `json:"metrics"`
}

type metric struct {
	Name          string   `json:"name"`
	Kind          string   `json:"kind"`
	Grain         string   `json:"grain"`
	WithinSeconds int64    `json:"within_seconds"` // 0: no limit
	Segments      []string `json:"segments"`
}

var (
	kinds  = map[catalog.Kind]string{catalog.Activation: "activation", catalog.TTFV: "ttfv", catalog.Adoption: "adoption"}
	grains = map[catalog.Grain]string{catalog.GrainDay: "day", catalog.GrainWeek: "week", catalog.GrainMonth: "month"}
)

func serveProduct(c *catalog.Catalog, asOf func() time.Time) http.Handler {
	p := product{Name: c.Product, Timezone: c.Location.String(), LatenessSeconds: int64(c.AllowedLateness / time.Second)}
	for _, w := range c.Windows {
		p.Windows = append(p.Windows, w.Name)
	}
	for _, m := range c.Metrics {
		cohort := c.Cohorts[m.Cohort]
		segments := []string{}
		for _, s := range cohort.Segments {
			segments = append(segments, s.Name)
		}
		p.Metrics = append(p.Metrics, metric{m.Name, kinds[m.Kind], grains[cohort.Grain], int64(m.Within / time.Second), segments})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := p
		if at := asOf(); !at.IsZero() {
			now.AsOf = moment(at, "DateTime64")
		}
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, http.StatusOK, now)
	})
}
