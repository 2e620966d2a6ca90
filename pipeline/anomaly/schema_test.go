package anomaly_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/anomaly"
	"firstlight/schemas/schematest"
)

var at = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

// short is the least a message holds.
func short(state anomaly.State) anomaly.Message {
	return anomaly.Message{
		Incident: "activated-1d-20260303", Seq: 3, At: at, State: state, Reason: anomaly.BelowLimit, Severity: anomaly.Critical,
		Title: "Activation is low", Summary: "Activation is 18 %.", OpenedAt: at, Metric: anomaly.MetricInfo{Name: "activated", Kind: "activation", Cohort: "signup"},
		Window: "1d", WindowStart: at, WindowEnd: at.AddDate(0, 0, 1), Unit: anomaly.Share, Method: "guardrail",
	}
}

// full sets every field of a struct that is not set: a field that is added to Message is in the test at once.
func full(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		if !f.IsZero() && f.Kind() != reflect.Struct {
			continue
		}
		switch f.Kind() {
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
			if e := f.Elem(); e.Kind() == reflect.Struct && e.Type() != reflect.TypeFor[time.Time]() {
				full(e)
			}
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			if e := f.Index(0); e.Kind() == reflect.Struct {
				full(e)
			}
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{"team": "growth"}))
		case reflect.Struct:
			if f.Type() != reflect.TypeFor[time.Time]() {
				full(f)
			}
		case reflect.Bool:
			f.SetBool(true)
		case reflect.String:
			f.SetString(words[f.Type()])
		case reflect.Int, reflect.Int64:
			f.SetInt(1)
		case reflect.Uint64:
			f.SetUint(1)
		case reflect.Float64:
			f.SetFloat(0.5)
		}
	}
}

// words are texts that full may use.
var words = map[reflect.Type]string{
	reflect.TypeFor[string](): "up", reflect.TypeFor[anomaly.Reason](): "dropped", reflect.TypeFor[anomaly.Severity](): "warning",
}

// TestMessagesFitTheSchema: of every state, with everything that can be in them and with the least.
func TestMessagesFitTheSchema(t *testing.T) {
	s := schematest.Read(t, "anomaly.schema.json")
	for _, state := range []anomaly.State{anomaly.Opened, anomaly.Updated, anomaly.NoData, anomaly.Resolved} {
		little, much := short(state), short(state)
		full(reflect.ValueOf(&much).Elem())
		much.Mix.Cause = "mix"
		for _, m := range []*anomaly.Message{&little, &much} {
			if complaint := s.Check(event(t, m)); complaint != "" {
				t.Errorf("%s: %s", state, complaint)
			}
		}
	}
	bad := short(anomaly.Opened)
	bad.Severity = "fatal"
	if s.Check(event(t, &bad)) == "" {
		t.Error("the schema takes any severity")
	}
}

func event(t *testing.T, m *anomaly.Message) (v any) {
	t.Helper()
	data, err := m.CloudEvent("acme")
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSchemaHasEveryField: each in words, unless a title or another definition has them, and none that messages lack.
func TestSchemaHasEveryField(t *testing.T) {
	defs := schematest.Read(t, "anomaly.schema.json").Root["$defs"].(map[string]any)
	for name, v := range map[string]any{
		"message": anomaly.Message{}, "metric": anomaly.MetricInfo{}, "contributor": anomaly.Contributor{}, "mix": anomaly.Mix{}, "also": anomaly.Also{}, "note": anomaly.Annotation{}, "outcome": anomaly.Outcome{},
	} {
		def := defs[name].(map[string]any)
		var fields, required []string
		for i := range reflect.TypeOf(v).NumField() {
			field, options, _ := strings.Cut(reflect.TypeOf(v).Field(i).Tag.Get("json"), ",")
			fields = append(fields, field)
			if options == "" {
				required = append(required, field)
			}
		}
		slices.Sort(fields)
		slices.Sort(required)
		properties := def["properties"].(map[string]any)
		if got := slices.Sorted(maps.Keys(properties)); !slices.Equal(got, fields) {
			t.Errorf("%s: the schema has %v, a message %v", name, got, fields)
		}
		var got []string
		for _, one := range def["required"].([]any) {
			got = append(got, one.(string))
		}
		slices.Sort(got)
		if !slices.Equal(got, required) {
			t.Errorf("%s: the schema requires %v, a message always has %v", name, got, required)
		}
		for field, p := range properties {
			rules := p.(map[string]any)
			if rules["description"] == nil && rules["$ref"] == nil && name == "message" {
				t.Errorf("%s.%s has no description", name, field)
			}
		}
	}
}
