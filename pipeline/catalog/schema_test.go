package catalog_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
	"firstlight/schemas/schematest"
)

// The schema for editors and Load accept the same keys.
func TestSchemaKeys(t *testing.T) {
	s := schematest.Read(t, "catalog.schema.json")
	metric := slices.Clone(catalog.MetricKeys)
	for _, k := range kind.All {
		metric = append(metric, k.Keys()...)
	}
	for _, test := range []struct {
		path []string
		keys []string
	}{
		{[]string{"properties"}, catalog.CatalogKeys},
		{[]string{"$defs", "defaults", "properties"}, catalog.DefaultKeys},
		{[]string{"$defs", "source", "properties"}, catalog.SourceKeys},
		{[]string{"$defs", "exclude", "properties"}, catalog.ExcludeKeys},
		{[]string{"$defs", "cohort", "properties"}, catalog.CohortKeys},
		{[]string{"$defs", "entry", "properties"}, catalog.EntryKeys},
		{[]string{"$defs", "segment", "properties"}, catalog.SegmentKeys},
		{[]string{"$defs", "selector", "properties"}, catalog.SelectorKeys},
		{[]string{"$defs", "feature", "properties"}, catalog.UseKeys},
		{[]string{"$defs", "step", "properties"}, catalog.StepKeys},
		{[]string{"$defs", "target", "properties"}, catalog.TargetKeys},
		{[]string{"$defs", "predicts", "properties"}, catalog.PredictsKeys},
		{[]string{"$defs", "review", "properties"}, catalog.ReviewKeys},
		{[]string{"$defs", "voice", "properties"}, catalog.VoiceKeys},
		{[]string{"$defs", "guardrail", "properties"}, catalog.GuardrailKeys},
		{[]string{"$defs", "experiment", "properties"}, catalog.ExperimentKeys},
		{[]string{"$defs", "trial", "properties"}, catalog.TrialKeys},
		{[]string{"$defs", "metric", "properties"}, metric},
	} {
		at := s.Root
		for _, key := range test.path {
			at, _ = at[key].(map[string]any)
		}
		var got []string
		for key := range at {
			got = append(got, key)
		}
		slices.Sort(got)
		want := slices.Compact(slices.Sorted(slices.Values(test.keys)))
		if !slices.Equal(got, want) {
			t.Errorf("%v: the schema has %v, Load has %v", test.path, got, want)
		}
	}
}

// What Load accepts, editors accept. What only a schema can see, it refuses as Load does.
func TestSchemaAgreesWithLoad(t *testing.T) {
	s := schematest.Read(t, "catalog.schema.json")
	examples, _ := filepath.Glob("../../schemas/examples/*.yaml")
	bad, _ := filepath.Glob("testdata/*.yaml")
	// Left out: problems that are not of form (expressions, merged keys), and one too large to expand.
	beyond := []string{"where.yaml", "merge.yaml", "bomb.yaml"}
	accepted, refused := 0, 0
	for _, file := range append(examples, bad...) {
		if slices.Contains(beyond, filepath.Base(file)) {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, problems := catalog.Load(data, kind.All)
		asJSON, err := yaml.YAMLToJSON(data)
		var value any
		if err != nil || json.Unmarshal(asJSON, &value) != nil {
			continue // no YAML at all
		}
		complaint := s.Check(value)
		switch {
		case !problems.Failed() && complaint != "":
			t.Errorf("%s: Load accepts it, the schema says: %s", file, complaint)
		case problems.Failed() && complaint == "":
			t.Errorf("%s: the schema accepts it, Load says:\n%s", file, problems.Format(file))
		case complaint == "":
			accepted++
		default:
			refused++
		}
	}
	if accepted < len(examples) || refused < 5 {
		t.Errorf("only %d accepted and %d refused: is the test data gone?", accepted, refused)
	}
}

// The event schema refuses what the pipeline would dead-letter for its form, in both forms.
func TestEventSchemaAgreesWithParse(t *testing.T) {
	s := schematest.Read(t, "event.schema.json")
	for _, text := range []string{
		`{"event":"e","userId":"u"}`,
		`{"event":"e","userId":7}`,
		`{"event":"e","userId":"u","messageId":"m","timestamp":"2026-01-01T00:00:00Z","properties":{"a":1},"context":{},"extra":[1]}`,
		`{"event":"e","userId":"","anonymousId":"a"}`,
		`{"event":"e","userId":null,"anonymousId":"a"}`,
		`{"event":"e","userId":""}`,
		`{"event":"e","userId":"","anonymousId":""}`,
		`{"event":"e"}`,
		`{"event":"","userId":"u"}`,
		`{"event":5,"userId":"u"}`,
		`{"userId":"u"}`,
		`{"type":"track","userId":"u"}`,
		`{"type":"page","userId":"u"}`,
		`{"type":"screen","anonymousId":"u"}`,
		`{"type":"identify"}`,
		`{"type":"alias","userId":"u"}`,
		`{"type":"custom","event":"e","userId":"u"}`,
		`{"event":"e","userId":"null"}`,
		`{"event":"e","userId":"[object Object]"}`,
		`{"event":"e","userId":"[OBJECT object]"}`,
		`{"event":"e","userId":"Null"}`,
		`{"event":"e","userId":"0"}`,
		`{"event":"e","userId":0}`,
		`{"event":"e","userId":10}`,
		`{"event":"e","userId":"GUEST"}`,
		`{"event":"e","userId":"guest7"}`,
		`{"event":"e","userId":" \t"}`,
		`{"event":"e","userId":"\u200b"}`,
		`{"event":"e","userId":" u "}`,
		`{"event":"e","userId":"u","originalTimestamp":"2026-01-01T00:00:00Z"}`,
		`{"event":"e","userId":"u","originalTimestamp":7}`,
		`{"event":"e","userId":{"id":1}}`,
		`{"event":"e","userId":true}`,
		`{"event":"e","userId":"u","properties":[]}`,
		`{"event":"e","userId":"u","properties":null}`,
		`{"event":"e","userId":"u","properties":"x"}`,
		`{"event":"e","userId":"u","timestamp":null}`,
		`{"event":"e","userId":"u","timestamp":1767225600}`,
		`[]`,
		`"e"`,
		`{"specversion":"1.0","type":"e","subject":"u"}`,
		`{"specversion":"1.0","type":"e","subject":"u","id":"1","source":"s","time":"2026-01-01T00:00:00Z","data":{"a":1}}`,
		`{"specversion":"1.0","type":"e","data":{"userId":"u"}}`,
		`{"specversion":"1.0","type":"e","data":{"anonymousId":"u"}}`,
		`{"specversion":"1.0","type":"e","data":{"userId":""}}`,
		`{"specversion":"1.0","type":"e"}`,
		`{"specversion":"1.0","subject":"u"}`,
		`{"specversion":"1.0","event":"e","subject":"u"}`,
		`{"specversion":"1.0","type":"e","userId":"u"}`,
		`{"specversion":"1.0","type":"e","subject":"undefined"}`,
		`{"specversion":"1.0","type":"e","subject":"u","data":[1]}`,
		`{"specversion":"1.0","type":"identify"}`,
	} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		var ev event.Event
		result := event.Parse(&event.Message{Subject: "events.app.token", Stored: 1_790_000_000_000, Data: []byte(text)}, true, &ev)
		complaint := s.Check(value)
		if (complaint == "") != (result.Verdict != event.Dead) {
			t.Errorf("%s: the schema says %q, the pipeline %q", text, complaint, result.Detail)
		}
	}
}

// The annotation schema refuses what the pipeline would dead-letter for its form.
func TestAnnotationSchemaAgreesWithParse(t *testing.T) {
	s := schematest.Read(t, "annotation.schema.json")
	accepted := 0
	for _, text := range []string{
		`{"kind":"deploy","title":"x"}`,
		`{"kind":"expected","title":"x","id":"1","time":"2026-01-01T00:00:00Z","until":"2026-01-02T00:00:00+01:00","url":"https://example.com/1","metric":"m","text":"t","author":"a","extra":[1]}`,
		`{"kind":"action","title":"x","id":7}`,
		`{"kind":"action","title":"x","id":null,"time":null,"until":null,"url":null,"metric":null,"text":null,"author":null,"deleted":null}`,
		`{"kind":"action","title":"x","deleted":false,"url":"","id":""}`,
		`{"kind":"action","title":"x","url":"HTTP://example.com"}`,
		`{"id":"1","deleted":true}`,
		`{"id":1,"deleted":true,"kind":"x","title":5}`,
		`{"deleted":true}`,
		`{"deleted":true,"id":""}`,
		`{"deleted":true,"id":null}`,
		`{"deleted":1,"kind":"deploy","title":"x"}`,
		`{"kind":"deploy"}`,
		`{"kind":"deploy","title":""}`,
		`{"kind":"deploy","title":"  "}`,
		`{"kind":"deploy","title":null}`,
		`{"kind":"deploy","title":"` + strings.Repeat("x", 201) + `"}`,
		`{"title":"x"}`,
		`{"kind":"release","title":"x"}`,
		`{"kind":null,"title":"x"}`,
		`{"kind":"deploy","title":"x","time":1767225600}`,
		`{"kind":"deploy","title":"x","until":[]}`,
		`{"kind":"deploy","title":"x","url":"example.com"}`,
		`{"kind":"deploy","title":"x","url":"ftp://example.com"}`,
		`{"kind":"deploy","title":"x","url":"https:///path"}`,
		`{"kind":"deploy","title":"x","id":true}`,
		`{"kind":"deploy","title":"x","id":"` + strings.Repeat("x", 101) + `"}`,
		`{"kind":"deploy","title":"x","metric":1}`,
		`{"kind":"deploy","title":"x","author":{}}`,
		`[]`,
	} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		_, reason, detail := annotation.Parse(&event.Message{Subject: "annotations.ci", Stored: 1_790_000_000_000, Data: []byte(text)})
		complaint := s.Check(value)
		if (complaint == "") != (reason == "") {
			t.Errorf("%s: the schema says %q, the pipeline %q", text, complaint, detail)
		}
		if reason == "" {
			accepted++
		}
	}
	if accepted != 8 {
		t.Errorf("%d are accepted, want 8", accepted)
	}
}
