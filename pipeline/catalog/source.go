package catalog

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSource bounds the name of a source, in bytes.
const maxSource = 64

// Source is the governance of a publishing app, the second token of its subjects. It changes no number.
type Source struct {
	Owner   string // who answers for it; empty when the catalog does not say
	Watch   bool   // whether its events are watched for silence and change; true unless the catalog says false
	Retired string // YYYY-MM-DD, local: from this day on it is meant to send nothing; empty when it is in use
}

// Source returns the governance of a source; one that the catalog does not name is watched.
func (c *Catalog) Source(name string) Source {
	if s, named := c.Sources[name]; named {
		return s
	}
	return Source{Watch: true}
}

func (l *loader) sources(n *node) {
	const example = "sources: {ios: {retired: 2026-05-01}}"
	switch {
	case n.kind == nullNode:
		return
	case n.kind != mapNode:
		l.errorf(n.pos, "\"sources\" is a mapping, not %s: write for example %s", describe(n), example)
		return
	}
	l.catalog.Sources = map[string]Source{}
	for _, p := range n.pairs {
		_, twice := l.catalog.Sources[p.key]
		switch {
		case twice:
			l.errorf(p.pos, "the source %s is there twice: keep one of the two", quoted(p.key))
		case !subjectToken(p.key):
			l.errorf(p.pos, "no source is named %s: it is the second token of a subject, at most %d bytes without dots, spaces, * and >",
				quoted(p.key), maxSource)
		default:
			l.catalog.Sources[p.key] = l.source(p.value)
		}
	}
}

// source reads the governance of one source.
func (l *loader) source(n *node) Source {
	s := Source{Watch: true}
	o, ok := l.object(n, "a source", sourceKeys)
	if !ok {
		return s
	}
	s.Owner = o.text("owner", "mobile@acme.example")
	s.Watch = o.boolean("watch", true)
	s.Retired = o.date("retired")
	return s
}

// boolean reads true or false.
func (o Object) boolean(key string, fallback bool) bool {
	n := o.get(key)
	if n == nil {
		return fallback
	}
	if n.kind != boolNode {
		o.errorf(n.pos, "%q is true or false, not %s", key, describe(n))
	}
	return n.text == "true"
}

// subjectToken reports whether name can be one token of a subject.
func subjectToken(name string) bool {
	bad := func(r rune) bool {
		return strings.ContainsRune(".*>", r) || r == utf8.RuneError || unicode.IsSpace(r) || unicode.IsControl(r)
	}
	return name != "" && len(name) <= maxSource && !strings.ContainsFunc(name, bad)
}
