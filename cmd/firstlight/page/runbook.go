package page

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/parser"

	"firstlight/docs"
)

// RunbookPath is where the runbook of the alerts about the pipeline is. The alert FirstlightDown is at #firstlightdown.
const RunbookPath = "/runbook"

//go:embed assets/runbook.html
var runbookShell string

// runbook is the whole page: whoever gets an alert may have no copy of the repository.
var runbook = renderRunbook()

func renderRunbook() []byte {
	var text, page bytes.Buffer
	markdown := goldmark.New(goldmark.WithParserOptions(parser.WithAutoHeadingID())) // which lowers the names of headings
	if err := markdown.Convert([]byte(docs.Runbook()), &text); err != nil {
		panic("BUG: the runbook cannot be rendered: " + err.Error())
	}
	shell := template.Must(template.New("runbook").Parse(runbookShell))
	if err := shell.Execute(&page, template.HTML(text.String())); err != nil { // the text is our own
		panic("BUG: the page of the runbook cannot be rendered: " + err.Error())
	}
	return page.Bytes()
}

func serveRunbook(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", types[".html"])
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(runbook) // the browser may be gone
}
