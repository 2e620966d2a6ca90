package catalog

import "strings"

// inside returns the place in the file of a line (from 1) and column (from 0) inside a scalar's text. It walks the
// source beside the text, over quotes, escapes and folded lines, and falls back to the scalar's start where
// the two part.
func (f *file) inside(n *node, line, column int) pos {
	text := []rune(n.text)
	offset := textOffset(text, line, column)
	w := walker{lines: f.lines, style: n.style, at: n.pos}
	switch n.style {
	case singleQuoted, doubleQuoted:
		w.at.column++
	case block:
		w.at = pos{n.line + 1, 1}
		w.indent = indentation(f.lines, n.line)
		w.skip(w.indent)
	}
	for _, r := range text[:offset] {
		if !w.step(r) {
			return n.pos
		}
	}
	return w.at
}

func textOffset(text []rune, line, column int) int {
	offset := 0
	for ; line > 1 && offset < len(text); offset++ {
		if text[offset] == '\n' {
			line--
		}
	}
	return min(max(offset+column, 0), len(text))
}

// indentation of the first line with text below a block's header; lines count from 1.
func indentation(lines []string, header int) int {
	for _, line := range lines[min(header, len(lines)):] {
		if trimmed := strings.TrimLeft(line, " "); trimmed != "" {
			return len(line) - len(trimmed)
		}
	}
	return 0
}

// walker is a cursor in the source of a scalar.
type walker struct {
	lines  []string
	style  style
	at     pos
	indent int // of a block

	line   []rune // characters of the line numbered opened
	opened int
}

// step moves over the source of one character of the text.
func (w *walker) step(r rune) bool {
	c := w.char()
	switch {
	case c == '\n' && (r == ' ' || r == '\n'):
		w.at = pos{w.at.line + 1, 1}
		if w.style == block {
			w.skip(w.indent)
		} else {
			w.skip(1 << 20)
		}
		return true
	case c == '\'' && w.style == singleQuoted, c == '\\' && w.style == doubleQuoted:
		w.at.column++
		c = w.char()
		if w.style == doubleQuoted {
			c = unescape(c)
		}
	}
	w.at.column++
	return c == r
}

// char is the character at the cursor, a newline at a line's end, 0 at the file's.
func (w *walker) char() rune {
	if w.at.line > len(w.lines) {
		return 0
	}
	if w.opened != w.at.line {
		w.line, w.opened = []rune(w.lines[w.at.line-1]), w.at.line
	}
	if w.at.column > len(w.line) {
		return '\n'
	}
	return w.line[w.at.column-1]
}

func (w *walker) skip(most int) {
	for ; most > 0 && w.char() == ' '; most-- {
		w.at.column++
	}
}

func unescape(c rune) rune {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	}
	return c
}
