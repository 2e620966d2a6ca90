package page

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestRunbook: the page that alerts link to has a section for each, and no link that leads elsewhere than to itself.
func TestRunbook(t *testing.T) {
	rules, err := os.ReadFile("../../../schemas/prometheus/firstlight.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(runbook)
	links := regexp.MustCompile(`(?m)runbook_url: .*/runbook#(\w+)'$`).FindAllStringSubmatch(string(rules), -1)
	if len(links) < 10 {
		t.Fatalf("the rules have %d links", len(links))
	}
	for _, link := range links {
		if !strings.Contains(text, `<h2 id="`+link[1]+`">`) {
			t.Errorf("no section %s", link[1])
		}
	}
	for _, link := range regexp.MustCompile(`<a href="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if to := link[1]; to != "/" && (to[0] != '#' || !strings.Contains(text, `id="`+to[1:]+`"`)) {
			t.Errorf("a link leads to %s", to)
		}
	}
	if strings.Contains(text, "raw HTML omitted") || !strings.Contains(text, "<code") {
		t.Error("the text is not rendered whole")
	}
}
