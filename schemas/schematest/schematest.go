// Package schematest checks values against the JSON Schemas of this repository, in tests.
package schematest

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Schema checks values against the part of JSON Schema 2020-12 that our schemas use; a keyword it does not know
// fails the test that reads it.
type Schema struct {
	Root map[string]any
	t    *testing.T
}

// Read reads a schema, for tests of packages that are two folders below the repository's root.
func Read(t *testing.T, name string) Schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../schemas", name))
	if err != nil {
		t.Fatal(err)
	}
	s := Schema{t: t}
	if err := json.Unmarshal(data, &s.Root); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if s.Root["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Fatalf("%s is of another draft", name)
	}
	return s
}

// Check returns the first complaint about v, "" when there is none.
func (s Schema) Check(v any) string { return s.check(s.Root, v) }

// check checks against a part of the schema.
func (s Schema) check(in any, v any) string {
	if in == false {
		return "must not be there"
	}
	rules, _ := in.(map[string]any)
	keywords := make([]string, 0, len(rules))
	for k := range rules {
		keywords = append(keywords, k)
	}
	slices.Sort(keywords)
	for _, k := range keywords {
		if complaint := s.keyword(rules, k, v); complaint != "" {
			return complaint
		}
	}
	return ""
}

func (s Schema) keyword(rules map[string]any, k string, v any) string {
	rule := rules[k]
	switch k {
	case "$schema", "$defs", "title", "description", "default", "examples", "format", "then", "else":
		return ""
	case "$ref":
		name := strings.TrimPrefix(rule.(string), "#/$defs/")
		target, ok := s.Root["$defs"].(map[string]any)[name]
		if !ok {
			s.t.Fatalf("no $defs/%s", name)
		}
		return s.check(target, v)
	case "const":
		return unless(reflect.DeepEqual(rule, v), "%v is not %v", v, rule)
	case "enum":
		return unless(slices.ContainsFunc(rule.([]any), func(e any) bool { return reflect.DeepEqual(e, v) }), "%v is not of %v", v, rule)
	case "type":
		return unless(hasType(rule, v), "%v is not of type %v", v, rule)
	case "allOf", "anyOf", "oneOf", "not", "if":
		return s.combine(rules, k, v)
	}
	switch v := v.(type) {
	case map[string]any:
		return s.object(rules, k, v)
	case []any:
		return s.list(k, rule, v)
	case string:
		return s.text(k, rule, v)
	case float64:
		switch k {
		case "minimum":
			return unless(v >= rule.(float64), "%v is below %v", v, rule)
		case "maximum":
			return unless(v <= rule.(float64), "%v is above %v", v, rule)
		}
	}
	return ""
}

func (s Schema) combine(rules map[string]any, k string, v any) string {
	if k == "not" {
		return unless(s.check(rules[k], v) != "", "%v is excluded", v)
	}
	if k == "if" {
		then := rules["then"]
		if s.check(rules[k], v) != "" {
			then = rules["else"]
		}
		return s.check(then, v)
	}
	var complaints []string
	all := rules[k].([]any)
	for _, one := range all {
		if c := s.check(one, v); c != "" {
			complaints = append(complaints, c)
		}
	}
	fit := len(all) - len(complaints)
	ok := k == "allOf" && fit == len(all) || k == "anyOf" && fit > 0 || k == "oneOf" && fit == 1
	return unless(ok, "%v: %d of %s fit: %v", v, fit, k, complaints)
}

func (s Schema) object(rules map[string]any, k string, v map[string]any) string {
	switch k {
	case "required":
		for _, key := range rules[k].([]any) {
			if _, ok := v[key.(string)]; !ok {
				return fmt.Sprintf("%v is missing", key)
			}
		}
	case "properties":
		for key, rule := range rules[k].(map[string]any) {
			if value, ok := v[key]; ok {
				if c := s.check(rule, value); c != "" {
					return key + ": " + c
				}
			}
		}
	case "additionalProperties":
		known, _ := rules["properties"].(map[string]any)
		for key, value := range v {
			if _, ok := known[key]; !ok {
				if c := s.check(rules[k], value); c != "" {
					return key + ": " + c
				}
			}
		}
	case "propertyNames":
		for key := range v {
			if c := s.check(rules[k], key); c != "" {
				return c
			}
		}
	case "minProperties":
		return unless(float64(len(v)) >= rules[k].(float64), "too few keys")
	case "maxProperties":
		return unless(float64(len(v)) <= rules[k].(float64), "too many keys")
	case "items", "minItems", "maxItems", "uniqueItems", "minLength", "maxLength", "pattern", "minimum", "maximum":
	default:
		s.t.Fatalf("unknown keyword %s", k)
	}
	return ""
}

func (s Schema) list(k string, rule any, v []any) string {
	switch k {
	case "minItems":
		return unless(float64(len(v)) >= rule.(float64), "too short a list")
	case "maxItems":
		return unless(float64(len(v)) <= rule.(float64), "too long a list")
	case "uniqueItems":
		for i := range v {
			if slices.ContainsFunc(v[:i], func(e any) bool { return reflect.DeepEqual(e, v[i]) }) {
				return fmt.Sprintf("%v twice", v[i])
			}
		}
	case "items":
		for _, e := range v {
			if c := s.check(rule, e); c != "" {
				return c
			}
		}
	}
	return ""
}

func (s Schema) text(k string, rule any, v string) string {
	switch k {
	case "minLength":
		return unless(float64(utf8.RuneCountInString(v)) >= rule.(float64), "%q is too short", v)
	case "maxLength":
		return unless(float64(utf8.RuneCountInString(v)) <= rule.(float64), "%q is too long", v)
	case "pattern":
		return unless(regexp.MustCompile(rule.(string)).MatchString(v), "%q does not look like %v", v, rule)
	}
	return ""
}

func hasType(rule, v any) bool {
	if several, ok := rule.([]any); ok {
		return slices.ContainsFunc(several, func(one any) bool { return hasType(one, v) })
	}
	switch v := v.(type) {
	case nil:
		return rule == "null"
	case string:
		return rule == "string"
	case bool:
		return rule == "boolean"
	case float64:
		return rule == "number" || rule == "integer" && v == math.Trunc(v)
	case []any:
		return rule == "array"
	}
	return rule == "object"
}

func unless(ok bool, format string, args ...any) string {
	if ok {
		return ""
	}
	return fmt.Sprintf(format, args...)
}
