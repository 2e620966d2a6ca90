package catalog

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"firstlight/pipeline/nearest"
)

// mention is a place where the catalog names an event or a property.
type mention struct {
	pos
	event string
	path  []string // of a property, instead of an event
}

func (l *loader) sawEvent(at pos, name string) {
	l.catalog.mentions = append(l.catalog.mentions, mention{pos: at, event: name})
}

func (l *loader) saw(at pos, path []string) {
	if len(path) > 1 {
		l.catalog.mentions = append(l.catalog.mentions, mention{pos: at, path: path})
	}
}

// sawPaths notes the properties that an expression names, each with all its parts.
func (l *loader) sawPaths(n *node, checked *ast.AST) {
	part := map[int64]bool{} // of a longer path that was noted
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		path, of, root := pathOf(e)
		if of != nil && part[e.ID()] {
			part[of.ID()] = true
			return
		}
		if root != nil {
			start := checked.SourceInfo().GetStartLocation(root.ID())
			l.saw(l.file.inside(n, start.Line(), start.Column()), path)
		}
		if root != nil && of != nil {
			part[of.ID()] = true
		}
	}))
}

// pathOf returns the path that e stands for, what its last part is selected of, and the variable it starts with;
// root is nil when e is no path.
func pathOf(e ast.Expr) (path []string, of, root ast.Expr) {
	var last string
	switch e.Kind() {
	case ast.IdentKind:
		if name := e.AsIdent(); name == "properties" || name == "context" {
			return []string{name}, nil, e
		}
		return nil, nil, nil
	case ast.SelectKind:
		of, last = e.AsSelect().Operand(), e.AsSelect().FieldName()
	case ast.CallKind:
		call := e.AsCall()
		if call.FunctionName() != operators.Index && call.FunctionName() != hasFunction {
			return nil, nil, nil
		}
		key := call.Args()[1]
		text, ok := "", false
		if key.Kind() == ast.LiteralKind {
			text, ok = key.AsLiteral().Value().(string)
		}
		if !ok {
			return nil, nil, nil
		}
		of, last = call.Args()[0], text
	default:
		return nil, nil, nil
	}
	path, _, root = pathOf(of)
	return append(path, last), of, root
}

// Unseen returns a warning for each event and property that the catalog names and that has never been seen.
// events are the names seen with their counts; properties are the paths seen, such as "properties.plan". Properties
// are not judged when properties is nil.
func (c *Catalog) Unseen(events map[string]uint64, properties []string) Problems {
	var out Problems
	var names []string
	for name, n := range events {
		if n > 0 {
			names = append(names, name)
		}
	}
	for _, m := range c.mentions {
		if m.path == nil {
			if m.event != AnyEvent && events[m.event] == 0 {
				out.add(m.pos, Warning, "no event %s was ever seen%s", quoted(m.event), suggestion(m.event, names))
			}
			continue
		}
		path := strings.Join(m.path, ".")
		if properties != nil && !slices.Contains(properties, path) {
			out.add(m.pos, Warning, "no property %s was ever seen%s", quoted(path), suggestion(path, properties))
		}
	}
	out.sort()
	return slices.Compact(out)
}

func suggestion(name string, seen []string) string {
	if near := nearest.Name(name, seen); near != "" {
		return ": did you mean " + quoted(near) + "?"
	}
	return ""
}

// nearTarget is how much of a target a value has to be to have come near it.
const nearTarget = 2. / 3

// OutOfReach returns a warning for each target that no value of its metric came near. values are those of the last eight weeks, by metric.
func (c *Catalog) OutOfReach(values map[string][]float64) Problems {
	var out Problems
	for i := range c.Metrics {
		m := &c.Metrics[i]
		of := values[m.Name]
		if m.Target == nil || m.Target.Value <= 0 || len(of) == 0 || i >= len(c.places.target) {
			continue
		}
		best := 0.0
		for _, v := range of {
			pace := v / m.Target.Value
			if m.Direction == "down" {
				pace = m.Target.Value / max(v, 1e-9)
			}
			best = max(best, pace)
		}
		if best < nearTarget {
			out.add(c.places.target[i], Warning, "the last eight weeks never came near the target of %s, the best was %.0f %% of it: "+
				"write a nearer one first, or say in action what is to change", m.Name, 100*best)
		}
	}
	out.sort()
	return out
}
