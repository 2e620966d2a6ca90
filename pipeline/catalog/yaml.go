package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// This file turns bytes into a small tree of mappings, sequences and scalars with positions. It is the only
// one that knows the YAML library, whose parser is kept away from input that is too large or too deep for it.

const (
	maxFile   = 1 << 19 // bytes
	maxDepth  = 40      // levels of nesting
	maxKeys   = 200     // of one mapping
	maxColumn = 1000    // beyond it, columns are taken for one

	tooManyKeys = "a mapping of a catalog has at most %d keys: is this the right file?"
)

// pos is a place in the file; line and column count from 1, columns in characters.
type pos struct{ line, column int }

type nodeKind uint8

const (
	nullNode nodeKind = iota
	textNode
	numberNode
	boolNode
	mapNode
	listNode
)

// style says how a scalar is written, for finding a place inside it.
type style uint8

const (
	plain style = iota
	singleQuoted
	doubleQuoted
	block
)

// node is one YAML value.
type node struct {
	pos
	kind  nodeKind
	style style
	text  string // of a scalar, as written
	pairs []pair // of a mapping, duplicates included
	items []*node
}

// emptyList reports whether n is written as [].
func (n *node) emptyList() bool { return n.kind == listNode && len(n.items) == 0 }

// pair is one key of a mapping with its value.
type pair struct {
	pos   // of the key
	key   string
	value *node
}

// file is a parsed file; root is nil when there are problems.
type file struct {
	lines []string
	root  *node
}

// parse reads one YAML document.
func parse(data []byte) (f *file, problems Problems) {
	if at, message := unreadable(data); message != "" {
		problems.add(at, Error, "%s", message)
		return nil, problems
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")
	f = &file{lines: strings.Split(text, "\n")}
	doc, err := document(text)
	if err != nil {
		at, message := explain(err)
		problems.add(at, Error, "%s", message)
		return nil, problems
	}
	c := converter{anchors: map[string]*node{}}
	f.root = c.convert(doc, 0)
	return f, c.problems
}

// unreadable finds what no YAML file of ours may hold.
func unreadable(data []byte) (at pos, message string) {
	if len(data) > maxFile {
		return pos{1, 1}, fmt.Sprintf("the file has %d bytes: a catalog has at most %d; is this the right file?", len(data), maxFile)
	}
	line := 1
	for text := range bytes.Lines(data) {
		if i := invalidUTF8(text); i >= 0 {
			return pos{line, utf8.RuneCount(text[:i]) + 1}, "this is not UTF-8: save the file in the encoding UTF-8"
		}
		if i := bytes.IndexByte(text, 0); i >= 0 {
			return pos{line, utf8.RuneCount(text[:i]) + 1}, "the file holds a NUL byte: save it as plain UTF-8 text"
		}
		line++
	}
	return at, ""
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// placed is an error that knows its place.
type placed struct {
	at      pos
	message string
}

func (e *placed) Error() string { return e.message }

// document returns the body of the one document in text.
func document(text string) (body ast.Node, err error) {
	defer func() {
		if r := recover(); r != nil { // the library panics on some malformed input
			body, err = nil, &placed{pos{1, 1}, "this cannot be read as YAML: check quotes, brackets and indentation"}
		}
	}()
	tokens := joinColons(lexer.Tokenize(text))
	if err := tooMuch(tokens); err != nil {
		return nil, err
	}
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, err
	}
	for _, d := range parsed.Docs {
		switch {
		case d.Body == nil:
		case d.Body.Type() == ast.DirectiveType:
			return nil, &placed{place(d.Body), "YAML directives are not supported: remove this line"}
		case body != nil:
			return nil, &placed{place(d.Body), "a second YAML document starts here: a catalog is one document, remove the --- line above"}
		default:
			body = d.Body
		}
	}
	if body == nil {
		return nil, &placed{pos{1, 1}, "the catalog is empty: begin with \"version: 1\""}
	}
	return body, nil
}

// tooMuch keeps from the parser what it has no bound for: it recurses once per level, and once per key of a
// mapping in time that grows with the square of their number.
func tooMuch(tokens token.Tokens) error {
	flow, inline, line := 0, 0, 0
	keys := make([]int, maxColumn+1) // of the open mapping at each column
	widest := 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, inline = t.Position.Line, 0
		}
		column := min(t.Position.Column, maxColumn)
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType:
			inline++
			for ; widest > column; widest-- {
				keys[widest] = 0
			}
		case token.MappingKeyType, token.TagType, token.AnchorType:
			inline++
		case token.MappingValueType:
			if flow > 0 {
				continue
			}
			if t.Prev != nil && t.Prev.Position.Line == line {
				column = min(t.Prev.Position.Column, maxColumn)
			}
			for ; widest > column; widest-- {
				keys[widest] = 0
			}
			widest = column
			if keys[column]++; keys[column] > maxKeys {
				return &placed{at(t), fmt.Sprintf(tooManyKeys, maxKeys)}
			}
		}
		if flow > maxDepth || inline > maxDepth {
			return &placed{at(t), "this is nested too deeply for a catalog: check brackets and indentation"}
		}
	}
	return nil
}

func at(t *token.Token) pos { return pos{t.Position.Line, t.Position.Column} }

func place(n ast.Node) pos {
	switch v := n.(type) {
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return at(v.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return at(v.Key.GetToken())
	}
	return at(n.GetToken())
}

// explain turns an error of the library into a place and an instruction.
func explain(err error) (at pos, message string) {
	var p *placed
	if errors.As(err, &p) {
		return p.at, p.message
	}
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) {
		return pos{1, 1}, "this cannot be read as YAML: " + err.Error()
	}
	at = pos{1, 1}
	if t := syntax.GetToken(); t != nil && t.Position != nil {
		at = pos{t.Position.Line, t.Position.Column}
	}
	message = syntax.GetMessage()
	for _, e := range explanations {
		if strings.Contains(message, e.of) {
			return at, e.advice
		}
	}
	return at, "this cannot be read as YAML (" + message + "): check the indentation, and \": \" after each key"
}

// explanations are tried in order.
var explanations = []struct{ of, advice string }{
	{"tab character", "indent with spaces, not with tabs"},
	{"found character '\t'", "indent with spaces, not with tabs"},
	{"mapping value is not allowed", "this does not fit here: check the indentation, and put text that holds \": \" in quotes"},
	{"reserved character", "text cannot start with this character: put it in quotes"},
	{"unexpected directive", "text cannot start with %: put it in quotes"},
	{"end token ']'", "the list that starts here has no end: write ] after its last value"},
	{"end token '}'", "the mapping that starts here has no end: write } after its last value"},
	{"end character of single-quoted", "the text that starts here has no end: write ' after it"},
	{"end character of double-quoted", "the text that starts here has no end: write \" after it"},
	{"unexpected scalar value type", "text that starts with * or & has a meaning in YAML: put it in quotes, such as \"*\" for any event"},
	{"undefined alias name", "text that starts with * has a meaning in YAML: put it in quotes, such as \"*\" for any event"},
	{"undefined anchor name", "text that starts with & has a meaning in YAML: put it in quotes"},
}

// converter turns the library's tree into ours.
type converter struct {
	anchors  map[string]*node
	problems Problems
}

func (c *converter) convert(n ast.Node, depth int) *node {
	if n == nil {
		return &node{}
	}
	if depth > maxDepth {
		c.problems.add(place(n), Error, "this is nested too deeply for a catalog: check the indentation")
		return &node{pos: place(n)}
	}
	switch v := n.(type) {
	case *ast.MappingNode:
		out := &node{pos: place(n), kind: mapNode}
		if len(v.Values) > maxKeys {
			c.problems.add(out.pos, Error, tooManyKeys, maxKeys)
			return out
		}
		for _, value := range v.Values {
			c.pair(out, value, depth)
		}
		return out
	case *ast.MappingValueNode:
		out := &node{pos: place(n), kind: mapNode}
		c.pair(out, v, depth)
		return out
	case *ast.SequenceNode:
		out := &node{pos: place(n), kind: listNode}
		for _, value := range v.Values {
			out.items = append(out.items, c.convert(value, depth+1))
		}
		return out
	case *ast.AnchorNode:
		out := c.convert(v.Value, depth+1)
		c.anchors[v.Name.GetToken().Value] = out
		return out
	case *ast.AliasNode:
		return c.alias(v)
	}
	return c.scalar(n)
}

func (c *converter) pair(out *node, v *ast.MappingValueNode, depth int) {
	key := v.Key.GetToken()
	switch v.Key.(type) {
	case *ast.MergeKeyNode:
		c.problems.add(at(key), Error, "\"<<\" is not supported: write the keys out, or use \"defaults\" for what metrics share")
		return
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
	default:
		c.problems.add(at(key), Error, "a key is plain text here: write \"name: value\"")
		return
	}
	value := c.convert(v.Value, depth+1)
	if value.pos == (pos{}) {
		value.pos = at(key)
	}
	out.pairs = append(out.pairs, pair{pos: at(key), key: key.Value, value: value})
}

func (c *converter) alias(v *ast.AliasNode) *node {
	name := ""
	if v.Value != nil {
		name = v.Value.GetToken().Value
	}
	if target := c.anchors[name]; target != nil {
		return target
	}
	c.problems.add(place(v), Error, "text that starts with * has a meaning in YAML: put it in quotes, such as \"*\" for any event")
	return &node{pos: place(v), kind: textNode, text: AnyEvent}
}

func (c *converter) scalar(n ast.Node) *node {
	t := n.GetToken()
	out := &node{pos: place(n), text: t.Value}
	switch v := n.(type) {
	case *ast.NullNode:
		out.kind = nullNode
	case *ast.BoolNode:
		out.kind, out.text = boolNode, strings.ToLower(t.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		out.kind = numberNode
	case *ast.LiteralNode:
		out.kind, out.style, out.text = textNode, block, v.Value.Value
	case *ast.StringNode:
		out.kind = textNode
		switch t.Type {
		case token.SingleQuoteType:
			out.style = singleQuoted
		case token.DoubleQuoteType:
			out.style = doubleQuoted
		}
	case *ast.TagNode:
		c.problems.add(out.pos, Error, "text that starts with ! has a meaning in YAML: put it in quotes")
		out.kind = textNode
		if v.Value != nil {
			out.text += " " + v.Value.GetToken().Value
		}
	default:
		c.problems.add(out.pos, Error, "this is not supported in a catalog: write plain text, a list or a mapping")
	}
	return out
}
