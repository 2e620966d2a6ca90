package schemas_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"

	"firstlight/pipeline/kind"
)

// part is a kind's part of a schema.
type part struct {
	Name, Description    string
	Required, Properties string // JSON
	Forbidden            string // JSON: the keys of other kinds
}

// TestSchemasOfKinds holds the schemas that name kinds against their templates, filled in with schema.json of each kind's room.
// `go test ./schemas -update` writes them anew.
func TestSchemasOfKinds(t *testing.T) {
	parts := partsOfKinds(t)
	for _, name := range []string{"catalog", "anomaly"} {
		var want strings.Builder
		if err := template.Must(template.ParseFiles(name+".schema.tmpl")).Execute(&want, parts); err != nil {
			t.Fatal(err)
		}
		if !json.Valid([]byte(want.String())) {
			t.Errorf("%s is no JSON", name)
		}
		path := name + ".schema.json"
		if *update {
			if err := os.WriteFile(path, []byte(want.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(want.String(), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("%s is not what its template and the kinds say: run `go test ./schemas -update` (-want +got)\n%s", path, diff)
		}
	}
}

func partsOfKinds(t *testing.T) (parts []part) {
	t.Helper()
	for _, k := range kind.All {
		data, err := fs.ReadFile(k.Files(), "schema.json")
		if err != nil {
			t.Fatal(err)
		}
		var read struct {
			Description          string
			Required, Properties json.RawMessage
		}
		if err := json.Unmarshal(data, &read); err != nil {
			t.Fatalf("%s: %v", k, err)
		}
		var inner []string
		lines := strings.TrimSuffix(strings.TrimPrefix(string(read.Properties), "{\n"), "\n  }")
		for line := range strings.Lines(lines) {
			inner = append(inner, "        "+strings.TrimPrefix(line, "    "))
		}
		parts = append(parts, part{k.String(), read.Description, string(read.Required), strings.Join(inner, ""), forbidden(k)})
	}
	return parts
}

// forbidden is a schema's properties that a kind does not have: those of other kinds.
func forbidden(k kind.Kind) string {
	var keys []string
	for _, other := range kind.All {
		for _, key := range other.Keys() {
			if text := `"` + key + `": false`; !slices.Contains(k.Keys(), key) && !slices.Contains(keys, text) {
				keys = append(keys, text)
			}
		}
	}
	return "{" + strings.Join(keys, ", ") + "}"
}
