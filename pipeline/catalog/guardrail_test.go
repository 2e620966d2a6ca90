package catalog_test

import (
	"encoding/json"
	"testing"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/schemas"
)

func TestGuardrailsAsWritten(t *testing.T) {
	c, problems := catalog.Load(schemas.ExampleSaaS, kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("saas.yaml"))
	}
	for name, want := range map[string]string{
		"activated": `[{"severity":"critical","below":0.05,"age":"1d","window":"1d","min_sample":200,"consecutive":2},` +
			`{"severity":"warning","below":0.15,"window":"1w","min_sample":100,"consecutive":1}]`,
		"first_report": `[{"severity":"warning","above":"5d","window":"1w","min_sample":100,"consecutive":1},` +
			`{"severity":"warning","below":0.02,"age":"1d","window":"1d","min_sample":200,"consecutive":2}]`,
	} {
		for _, m := range c.Metrics {
			if m.Name != name {
				continue
			}
			got, err := json.Marshal(m.Guardrails)
			if err != nil || string(got) != want {
				t.Errorf("%s: %s %v, want %s", name, got, err, want)
			}
		}
	}
}
