// Package docs holds the parts of the documentation that the binary serves.
package docs

import (
	_ "embed"
	"regexp"
	"strings"
)

//go:embed operations.md
var operations string

// toFiles are links to other files of the documentation, which are not where the runbook is served.
var toFiles = regexp.MustCompile(`\[([^\]]*)\]\([^)#:]+(#[^)]*)?\)`)

// Runbook is, as Markdown, what to do about each alert of schemas/prometheus: a heading of level 2 with the alert's name, then text.
func Runbook() string {
	_, text, found := strings.Cut(operations, "\n## Alerts about the pipeline\n")
	_, text, alerts := strings.Cut(text, "\n### ")
	if !found || !alerts {
		panic("BUG: operations.md has no section of alerts")
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return "## " + toFiles.ReplaceAllString(strings.ReplaceAll(text, "\n### ", "\n## "), "$1")
}
