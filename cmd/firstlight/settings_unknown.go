package main

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"firstlight/pipeline/nearest"
)

const settingPrefix = "FIRSTLIGHT_"

// ofKubernetes are the variables that Kubernetes sets in every container for a Service named firstlight.
var ofKubernetes = regexp.MustCompile(`^FIRSTLIGHT_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// warnUnknown names variables that look like settings and are none: a misspelt one would do nothing without a word.
func warnUnknown(vars map[string]string, w io.Writer) {
	var known, names []string
	for _, f := range settingFields() {
		name := f.Tag.Get("env")
		known = append(known, name)
		if f.Tag.Get("secret") != "" {
			known = append(known, name+"_FILE")
		}
	}
	for _, name := range known {
		names = append(names, strings.TrimPrefix(name, settingPrefix))
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		rest, ours := strings.CutPrefix(name, settingPrefix)
		if !ours || slices.Contains(known, name) || ofKubernetes.MatchString(name) || strings.HasPrefix(rest, "TEST_") {
			continue
		}
		advice := `see "firstlight run --help"`
		if near := nearest.Name(rest, names); near != "" {
			if slices.Contains(known, settingPrefix+near) {
				near = settingPrefix + near
			}
			advice = fmt.Sprintf("did you mean %s?", near)
		}
		fmt.Fprintf(w, "firstlight: there is no setting %s, it does nothing: %s\n", name, advice)
	}
}
