package catalog_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
)

// A comparison of a path with a constant means what the contract says, worked out here on decoded JSON: missing
// and null are the same, equal to nothing but null and not ordered; numbers compare by value; things of
// different kinds differ, and ordering them is a failure.
func TestComparisonLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		properties := drawJSON(t, 3)
		if _, object := properties.(map[string]any); !object {
			properties = map[string]any{"a": properties}
		}
		keys := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 4).Draw(t, "path")
		op := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(t, "op")
		constant := rapid.SampledFrom([]any{json.Number("1"), json.Number("1.5"), json.Number("-3"), "", "a", "b", true, false}).Draw(t, "constant")
		negated := rapid.Bool().Draw(t, "negated")

		where := fmt.Sprintf("properties.%s %s %s", strings.Join(keys, "."), op, literal(constant))
		matches, failed := compare(follow(properties, keys), op, constant)
		if negated {
			where = "!(" + where + ")"
			if matches != nil {
				matches = new(!*matches)
			}
		}
		raw, _ := json.Marshal(properties)
		c := &catalog.Catalog{Selectors: []catalog.Selector{{Text: where, Names: []string{"e"}, Where: where}}}
		m := c.NewMatcher()
		mask := m.Match(&event.Event{Name: "e", Properties: raw})
		if got, want := mask.Has(0), matches != nil && *matches; got != want {
			t.Fatalf("%s on %s: match %v, want %v", where, raw, got, want)
		}
		if got := m.FailureCounts()[0] == 1; got != failed {
			t.Fatalf("%s on %s: failed %v, want %v", where, raw, got, failed)
		}
	})
}

func drawJSON(t *rapid.T, depth int) any {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.SampledFrom([]string{"", "a", "b", "ab", "1"}).Draw(t, "text")
	case 3:
		return json.Number(rapid.SampledFrom([]string{"0", "1", "1.0", "1.5", "-3", "1e0", "15e-1", "-3.0", "12345678901234567890", "1e300"}).Draw(t, "number"))
	case 4:
		return []any{drawJSON(t, depth-1)}
	}
	object := map[string]any{}
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID).Draw(t, "keys") {
		object[key] = drawJSON(t, depth-1)
	}
	return object
}

func literal(v any) string {
	if n, ok := v.(json.Number); ok {
		return n.String()
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// follow walks into v; what is not there is nil.
func follow(v any, keys []string) any {
	for _, key := range keys {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[key]
	}
	return v
}

// compare returns the comparison's result, nil when it has none, and whether that is a failure to be counted.
func compare(v any, op string, constant any) (result *bool, failed bool) {
	order, sameKind := 0, false
	switch c := constant.(type) {
	case json.Number:
		if n, ok := v.(json.Number); ok {
			order, sameKind = rational(n).Cmp(rational(c)), true
		}
	case string:
		if s, ok := v.(string); ok {
			order, sameKind = strings.Compare(s, c), true
		}
	case bool:
		if b, ok := v.(bool); ok {
			order, sameKind = number01(b)-number01(c), true
		}
	}
	switch {
	case op == "==":
		return new(sameKind && order == 0), false
	case op == "!=":
		return new(!sameKind || order != 0), false
	case v == nil:
		return nil, false
	case !sameKind:
		return nil, true
	}
	return new(op[0] == '<' && order < 0 || op[0] == '>' && order > 0 || len(op) == 2 && order == 0), false
}

func rational(n json.Number) *big.Rat {
	r, _ := new(big.Rat).SetString(n.String())
	return r
}

func number01(b bool) int {
	if b {
		return 1
	}
	return 0
}
