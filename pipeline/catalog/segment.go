package catalog

import (
	"slices"
	"strings"
	"unicode"
)

// maxValue is the length at which a segment value is cut, in bytes.
const maxValue = 200

// segment reads one segment: a property's name, or {name, path, values}. A path without a name is named after its
// last part, a name without a path means the property of that name. Keys that hold a dot cannot be written.
func (l *loader) segment(before []Segment, n *node) []Segment {
	s, at, ok := l.segmentOf(n)
	if !ok {
		return before
	}
	if slices.ContainsFunc(before, func(o Segment) bool { return o.Name == s.Name }) {
		l.errorf(at, "there is already a segment %s in this cohort: write another name", quoted(s.Name))
		return before
	}
	l.saw(at, s.Path)
	return append(before, s)
}

func (l *loader) segmentOf(n *node) (s Segment, at pos, ok bool) {
	if n.kind != mapNode {
		name := l.text(n, "segments", "plan")
		if name == "" || !l.segmentName(n, name) {
			return s, n.pos, false
		}
		return Segment{Name: name, Path: l.path(n, "properties."+name)}, n.pos, true
	}
	o, _ := l.object(n, "a segment", segmentKeys)
	s.Name, at = o.text("name", "plan"), n.pos
	path := o.get("path")
	switch {
	case path != nil:
		at = path.pos
		if text := o.text("path", "properties.plan"); text != "" {
			s.Path = l.path(path, text)
		}
		if s.Name == "" && len(s.Path) > 0 {
			s.Name = s.Path[len(s.Path)-1]
		}
	case s.Name != "":
		at = o.get("name").pos
		s.Path = l.path(o.get("name"), "properties."+s.Name)
	case o.get("name") == nil:
		o.errorf(n.pos, "a segment needs a name or a path: write for example {name: plan, path: properties.plan}")
	}
	if v := o.get("values"); v != nil {
		s.Values = l.values(v)
	}
	named := o.get("name")
	if named == nil {
		named = n
	}
	return s, at, s.Name != "" && l.segmentName(named, s.Name)
}

func (l *loader) segmentName(n *node, name string) bool {
	if first, _, dotted := strings.Cut(name, "."); dotted && (first == "properties" || first == "context") {
		last := name[strings.LastIndexByte(name, '.')+1:]
		l.errorf(n.pos, "a plain segment is the name of a property: for a path write {name: %s, path: %s}", last, name)
		return false
	}
	if len(name) > maxName || strings.ContainsFunc(name, unicode.IsControl) {
		l.errorf(n.pos, "the segment name %s is not usable: write at most %d printable characters", quoted(name), maxName)
		return false
	}
	return true
}

// path splits the path of a value in an event.
func (l *loader) path(n *node, text string) []string {
	parts := strings.Split(text, ".")
	if parts[0] != "properties" && parts[0] != "context" {
		l.errorf(n.pos, "a path starts with properties or context, not %s: write properties.%s", quoted(parts[0]), text)
		return nil
	}
	if len(parts) < 2 || slices.Contains(parts, "") {
		l.errorf(n.pos, "the path %s has an empty part: write for example properties.plan", quoted(text))
		return nil
	}
	return parts
}

func (l *loader) values(n *node) []string {
	var out []string
	for _, item := range l.items(n, "values", "[DE, FR, US]", maxNames) {
		v, ok := l.scalar(item, "a segment value")
		switch {
		case !ok:
		case v == "":
			l.errorf(item.pos, "a segment value is empty: remove it")
		case len(v) > maxValue:
			l.errorf(item.pos, "the segment value %s is too long: values are cut at %d bytes", quoted(v), maxValue)
		case slices.Contains(out, v):
			l.errorf(item.pos, "the value %s is listed twice: remove one", quoted(v))
		default:
			out = append(out, v)
		}
	}
	return out
}
