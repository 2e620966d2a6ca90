package catalog

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"firstlight/pipeline/nearest"
)

// This file reads typed fields out of the YAML tree. Every reader reports what is wrong at the value's own
// place and returns the zero value, so that one run finds all problems.

// Object is a mapping whose keys were checked: a part of the file being read.
type Object struct {
	*loader
	pos
	of     string // what it is, for messages: "a metric"
	fields map[string]*node
	keys   map[string]pos
}

// object checks that n is a mapping with known keys only, each at most once. The second result is false when n
// is no mapping at all.
func (l *loader) object(n *node, of string, keys []string) (Object, bool) {
	o := Object{loader: l, pos: n.pos, of: of, fields: map[string]*node{}, keys: map[string]pos{}}
	if n.kind != mapNode {
		l.errorf(n.pos, "%s is a mapping with the keys %s, not %s", of, list(keys), describe(n))
		return o, false
	}
	misspelt := map[string]pair{}
	for _, p := range n.pairs {
		first, twice := o.keys[p.key]
		switch {
		case !slices.Contains(keys, p.key):
			l.errorf(p.pos, "%s", unknownKey(p.key, of, keys))
			misspelt[meantKey(p.key, keys)] = p
		case twice:
			l.errorf(p.pos, "%q is already set on line %d: keep one of the two", p.key, first.line)
		default:
			o.keys[p.key], o.fields[p.key] = p.pos, p.value
		}
	}
	for key, p := range misspelt { // read as what was meant, so that it is not reported as missing too
		if _, set := o.keys[key]; key != "" && !set {
			o.keys[key], o.fields[key] = p.pos, p.value
		}
	}
	return o, true
}

func unknownKey(key, of string, keys []string) string {
	if near := meantKey(key, keys); near != "" {
		return fmt.Sprintf("unknown key %s in %s: write %q", quoted(key), of, near)
	}
	return fmt.Sprintf("unknown key %s in %s: the keys are %s", quoted(key), of, list(keys))
}

// Has reports whether a key is there.
func (o Object) Has(key string) bool { return o.fields[key] != nil }

// Errorf reports an error at a key's value, or at the whole when the key is missing.
func (o Object) Errorf(key, format string, args ...any) { o.errorf(o.at(key), format, args...) }

// Warnf warns at a key's value, or at the whole when the key is missing.
func (o Object) Warnf(key, format string, args ...any) { o.warnf(o.at(key), format, args...) }

func (o Object) at(key string) pos {
	if n := o.fields[key]; n != nil {
		return n.pos
	}
	return o.pos
}

// Require reports a missing key, and what to write.
func (o Object) Require(key, advice string) { o.require(key, advice) }

// get returns the value of a key, nil when the key is missing.
func (o Object) get(key string) *node { return o.fields[key] }

// require returns the value of a key and reports a missing one.
func (o Object) require(key, advice string) *node {
	n := o.fields[key]
	if n == nil {
		o.errorf(o.pos, "%q is missing in %s: %s", key, o.of, advice)
	}
	return n
}

// text reads a non-empty text on one line.
func (o Object) text(key, example string) string {
	n := o.get(key)
	if n == nil {
		return ""
	}
	return o.loader.text(n, key, example)
}

func (l *loader) text(n *node, what, example string) string {
	switch {
	case n.kind == nullNode:
		l.errorf(n.pos, "%q is empty: write for example %s", what, example)
	case n.kind == numberNode || n.kind == boolNode:
		l.errorf(n.pos, "%q is text: write %s in quotes", what, quoted(n.text))
	case n.kind != textNode:
		l.errorf(n.pos, "%q is text, not %s: write for example %s", what, describe(n), example)
	case strings.TrimSpace(n.text) == "":
		l.errorf(n.pos, "%q is empty: write for example %s", what, example)
	default:
		return strings.TrimSpace(n.text)
	}
	return ""
}

// scalar reads text, a number or true and false, as written.
func (l *loader) scalar(n *node, what string) (string, bool) {
	switch n.kind {
	case textNode, numberNode, boolNode:
		return n.text, true
	}
	l.errorf(n.pos, "%s is text, not %s", what, describe(n))
	return "", false
}

// Choice reads one of a few words.
func (o Object) Choice(key, fallback string, words ...string) string {
	n := o.get(key)
	if n == nil {
		return fallback
	}
	return o.word(n, key, words)
}

// word reads one of a few words where it stands.
func (o Object) word(n *node, key string, words []string) string {
	if slices.Contains(words, n.text) && n.kind == textNode {
		return n.text
	}
	near := o.meantWord(n.text, words)
	if near == "" {
		near = nearest.Name(n.text, words)
	}
	if near != "" && n.kind == textNode {
		o.errorf(n.pos, "%q is %s, not %s: write %s", key, list(words), quoted(n.text), near)
	} else {
		o.errorf(n.pos, "%q is %s, not %s", key, list(words), describe(n))
	}
	return ""
}

// duration reads a duration of at least least.
func (o Object) duration(key string, fallback, least time.Duration) time.Duration {
	n := o.get(key)
	if n == nil {
		return fallback
	}
	d, ok := o.loader.duration(n, key)
	if ok && d < least {
		o.errorf(n.pos, "%q is at least %s, not %s", key, formatDuration(least), quoted(n.text))
	}
	return d
}

func (l *loader) duration(n *node, what string) (time.Duration, bool) {
	if n.kind == numberNode {
		l.errorf(n.pos, "%q needs a unit: write for example %sd or %sh", what, n.text, n.text)
		return 0, false
	}
	if n.kind == nullNode {
		l.errorf(n.pos, "%q is empty: write for example 7d", what)
		return 0, false
	}
	if n.kind != textNode {
		l.errorf(n.pos, "%q is a duration, not %s: write for example 7d", what, describe(n))
		return 0, false
	}
	d, hint := parseDuration(n.text)
	if hint != "" {
		l.errorf(n.pos, "%q is a duration, not %s: %s", what, quoted(n.text), hint)
		return 0, false
	}
	return d, true
}

// wholeHours reads within.
func (o Object) wholeHours(key string) time.Duration {
	d := o.duration(key, 0, 0)
	if n := o.get(key); d == 0 && n != nil && n.text != "" && strings.Trim(n.text, "0ywdhms") == "" {
		o.errorf(n.pos, "%q is at least 1h, not %s", key, quoted(n.text))
	}
	if d%time.Hour == 0 {
		return d
	}
	up := d.Truncate(time.Hour) + time.Hour
	o.errorf(o.get(key).pos, "%q is in whole hours, not %s: write %s", key, quoted(o.get(key).text), formatDuration(up))
	return up
}

// Count reads a whole number from least to most.
func (o Object) Count(key string, fallback, least, most int) int {
	return o.count(key, fallback, least, most)
}

// Part reads the mapping under a key, which is of the given sort, for messages; false where there is no mapping.
func (o Object) Part(key, of string, keys ...string) (Object, bool) {
	n := o.get(key)
	if n == nil || n.kind != mapNode {
		return Object{}, false
	}
	return o.object(n, of, keys)
}

// count reads a whole number from least to most.
func (o Object) count(key string, fallback, least, most int) int {
	n := o.get(key)
	if n == nil {
		return fallback
	}
	v, err := strconv.Atoi(strings.ReplaceAll(n.text, "_", ""))
	if n.kind != numberNode || err != nil || v < least || v > most {
		o.errorf(n.pos, "%q is a whole number from %d to %d, not %s", key, least, most, describe(n))
		return fallback
	}
	return v
}

// number reads a finite number.
func number(n *node) (float64, bool) {
	if n.kind != numberNode {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(n.text, "_", ""), 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

// date reads a day.
func (o Object) date(key string) string {
	n := o.get(key)
	if n == nil {
		return ""
	}
	if _, err := time.Parse(time.DateOnly, n.text); err != nil {
		o.errorf(n.pos, "%q is a day, not %s: write it as 2027-03-31", key, describe(n))
		return ""
	}
	return n.text
}

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// maxName bounds the names of metrics, cohorts and segments, in bytes.
const maxName = 100

// name reads a required name: a lower-case letter, then letters, digits and _.
func (o Object) name(example string) string {
	n := o.require("name", "write for example name: "+example)
	if n == nil {
		return ""
	}
	s := o.loader.text(n, "name", example)
	switch {
	case s == "":
	case len(s) > maxName:
		o.errorf(n.pos, "the name %s is too long: write at most %d characters", quoted(s), maxName)
	case !namePattern.MatchString(s):
		o.errorf(n.pos, "the name %s has characters that names cannot have: write %s (lower-case letters, digits and _, a letter first)",
			quoted(s), nameLike(s, example))
	default:
		return s
	}
	return ""
}

// nameLike turns text into a valid name that resembles it.
func nameLike(s, fallback string) string {
	s = regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(s), "_")
	s = strings.Trim(strings.TrimLeft(s, "_0123456789"), "_")
	if s == "" || len(s) > maxName {
		return fallback
	}
	return s
}

// items returns the members of a list of at most most, reporting what is no list, or an empty one.
func (l *loader) items(n *node, what, example string, most int) []*node {
	switch {
	case n.kind == nullNode:
		l.errorf(n.pos, "%q is empty: write for example %s", what, example)
	case n.kind != listNode:
		l.errorf(n.pos, "%q is a list, not %s: write for example %s", what, describe(n), example)
	case len(n.items) == 0:
		l.errorf(n.pos, "%q is empty: write for example %s", what, example)
	case len(n.items) > most:
		l.errorf(n.items[most].pos, "%q has %d entries: write at most %d", what, len(n.items), most)
	default:
		return n.items
	}
	return nil
}

// describe names a value in a message.
func describe(n *node) string {
	switch n.kind {
	case mapNode:
		return "a mapping"
	case listNode:
		return "a list"
	case nullNode:
		return "empty"
	}
	return quoted(n.text)
}
