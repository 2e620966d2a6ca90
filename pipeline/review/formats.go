package review

import (
	"embed"
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

// Head is the title of a review: whose it is, and of when.
func (r *Review) Head() string {
	head := r.Product + ", " + r.day
	if r.Product == "" {
		head = r.day
	}
	if r.Stage != "" {
		head += ", " + r.Stage + " metrics"
	}
	return head + ": " + r.Owner
}

// width is where lines of text are broken.
const width = 100

// Text writes a review for a terminal or a mail.
func (r *Review) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Head())
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "\n%s\n", strings.ToUpper(s.Title))
		for _, i := range s.Items {
			text := i.Text
			if i.Quote != "" {
				text = "“" + i.Quote + "” (" + i.Text + ")"
			}
			b.WriteString(wrapped("- ", text))
		}
	}
	return b.String()
}

// wrapped breaks a text into lines, the first of which begins with a mark.
func wrapped(mark, text string) string {
	var b strings.Builder
	line := mark
	for word := range strings.FieldsSeq(text) {
		if len([]rune(line))+len([]rune(word)) > width && strings.TrimSpace(line) != "" && line != mark {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = strings.Repeat(" ", len(mark))
		}
		line += word + " "
	}
	return b.String() + strings.TrimRight(line, " ") + "\n"
}

// markdownEscapes keep what stands in a text from being taken as Markdown or HTML.
var markdownEscapes = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "#", `\#`, "|", `\|`, "&", "&amp;")

// listMarker is what begins a list, a rule or a heading's underline at the start of a Markdown line.
var listMarker = regexp.MustCompile(`^([0-9]*)([-+=~.)])`)

// markdown writes a text as Markdown that says just that.
func markdown(text string) string {
	return listMarker.ReplaceAllString(markdownEscapes.Replace(text), `$1\$2`)
}

// Markdown writes a review for a page or a chat.
func (r *Review) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", markdown(r.Head()))
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "\n## %s\n\n", markdown(s.Title))
		for _, i := range s.Items {
			if i.Quote != "" {
				fmt.Fprintf(&b, "> %s\n>\n> %s\n\n", markdown(i.Quote), markdown(i.Text))
				continue
			}
			fmt.Fprintf(&b, "- %s\n", markdown(i.Text))
		}
	}
	return b.String()
}

//go:embed review.html
var files embed.FS

// Style is the text of the style of reviews as HTML, for who lets pages have only styles that are known.
//
//go:embed review.css
var Style string

var page = template.Must(template.New("review.html").Funcs(template.FuncMap{"style": func() template.CSS { return template.CSS(Style) }}).ParseFS(files, "review.html"))

// HTML writes a review as a page of its own, which loads nothing.
func (r *Review) HTML() (string, error) { return AllHTML([]*Review{r}) }

// AllHTML writes reviews as one page.
func AllHTML(all []*Review) (string, error) {
	var b strings.Builder
	if err := page.Execute(&b, all); err != nil {
		return "", fmt.Errorf("write a review as HTML: %w", err)
	}
	return b.String(), nil
}
