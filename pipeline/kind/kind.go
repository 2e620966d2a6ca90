// Package kind lists the kinds of metrics. Each is one room below this folder that holds all of it: its keys in the catalog, what
// is counted, judged and shown. A new kind is a new room and a line here.
package kind

import (
	"io/fs"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/facts"
	"firstlight/pipeline/kind/activation"
	"firstlight/pipeline/kind/adoption"
	"firstlight/pipeline/kind/retention"
	"firstlight/pipeline/kind/ttfv"
)

// Kind is all that a kind of metric brings.
type Kind interface {
	catalog.Kind // its keys, its formula, what is judged of it and what that is called
	facts.Kind   // what is known of one user, which is a cohort.Counter too: what the user counts
	// Files are what is not Go:
	//
	//	views/*.sql     its own views; package schemas says what a template may use, and puts them together
	//	page/*.sql      what the page asks, page/words.js and page/panels.js what it says and draws; see package page
	//	schema.json     description, required and properties of its keys in the catalog, for schemas/catalog.schema.json
	Files() fs.FS
}

// All are the kinds there are, in the order in which people meet them.
var All = []Kind{
	activation.Kind{},
	ttfv.Kind{},
	adoption.Kind{},
	retention.Kind{},
}

// With lists the names of the kinds whose traits are such.
func With(such func(catalog.Traits) bool) (names []string) {
	for _, k := range All {
		if such(k.Traits()) {
			names = append(names, k.String())
		}
	}
	return names
}
