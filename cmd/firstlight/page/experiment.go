package page

import "firstlight/pipeline/catalog"

// experiment is what the page needs of one beside its results.
type experiment struct {
	Name       string    `json:"name"`
	Hypothesis string    `json:"hypothesis"`
	Owner      string    `json:"owner"`
	Variants   []variant `json:"variants"` // the control first
	Metrics    []string  `json:"metrics"`  // the first decides, the others guard
	Least      float64   `json:"least_effect"`
	Until      string    `json:"until"` // the last local day whose exposures count; empty: there is no end
}

type variant struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"` // of users who are meant to be dealt it
}

func experiments(c *catalog.Catalog) []experiment {
	all := make([]experiment, 0, len(c.Experiments))
	for i := range c.Experiments {
		e := &c.Experiments[i]
		out := experiment{Name: e.Name, Hypothesis: e.Hypothesis, Owner: e.Owner, Least: e.Least, Until: e.Until}
		for _, control := range []bool{true, false} {
			for _, v := range e.Variants {
				if (v.Name == e.Control) == control {
					out.Variants = append(out.Variants, variant{v.Name, v.Share})
				}
			}
		}
		for m := range e.Metrics {
			out.Metrics = append(out.Metrics, e.Metrics[m].Trial.Of)
		}
		all = append(all, out)
	}
	return all
}
