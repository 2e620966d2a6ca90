package catalog_test

import (
	"testing"

	"firstlight/pipeline/catalog"
)

// Sources are governance: read, and in no definition.
func TestSources(t *testing.T) {
	const rest = `
cohorts: [{name: signup, entry: signed_up, grain: week}]
metrics: [{name: first, kind: ttfv, cohort: signup, value: done, owner: o, objective: o, indicator: leading, direction: down, action: a}]`
	with := mustLoad(t, "version: 1\nsources: {ios: {owner: mobile, watch: false, retired: 2026-05-01}, web: {}}"+rest)
	for name, want := range map[string]catalog.Source{
		"ios":     {Owner: "mobile", Retired: "2026-05-01"},
		"web":     {Watch: true},
		"unknown": {Watch: true},
	} {
		if got := with.Source(name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if without := mustLoad(t, "version: 1"+rest); without.Hash() != with.Hash() {
		t.Error("sources belong to the definition")
	}
}
