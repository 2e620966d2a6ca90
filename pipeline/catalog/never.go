package catalog

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// This file finds conditions that no event can meet, as far as their text tells.

// never reports whether an expression cannot be true of an event with one of the names; nil are all names.
func never(e ast.Expr, names []string) bool {
	switch e.Kind() {
	case ast.LiteralKind:
		return e.AsLiteral() != types.True
	case ast.CallKind:
		call := e.AsCall()
		args := call.Args()
		neverTrue := func(arg ast.Expr) bool { return never(arg, names) }
		switch call.FunctionName() {
		case operators.LogicalAnd:
			return slices.ContainsFunc(args, neverTrue) || contradictory(e)
		case operators.LogicalOr:
			return !slices.ContainsFunc(args, func(arg ast.Expr) bool { return !neverTrue(arg) })
		case operators.Equals:
			return unequal(args[0], args[1], names) || unequal(args[1], args[0], names)
		case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
			return slices.ContainsFunc(args, func(arg ast.Expr) bool { return literalOf(arg) == types.NullValue })
		case operators.In:
			return isEvent(args[0]) && names != nil && args[1].Kind() == ast.ListKind &&
				!slices.ContainsFunc(args[1].AsList().Elements(), func(x ast.Expr) bool { return !unequal(args[0], x, names) })
		}
	}
	return false
}

// unequal reports whether a never equals b: two constants that differ, or the event's name and a text that is none of the
// names.
func unequal(a, b ast.Expr, names []string) bool {
	constant := literalOf(b)
	if constant == nil {
		return false
	}
	if isEvent(a) {
		name, text := constant.(types.String)
		return !text || names != nil && !slices.Contains(names, string(name))
	}
	other := literalOf(a)
	return other != nil && types.Equal(other, constant) != types.True
}

func isEvent(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == "event" }

func literalOf(e ast.Expr) ref.Val {
	if e.Kind() != ast.LiteralKind {
		return nil
	}
	return e.AsLiteral()
}

// demands are what the parts of a conjunction ask of one property.
type demands struct {
	equal       ref.Val
	above       *float64 // it is larger, or as large
	below       *float64
	strictAbove bool
	strictBelow bool
}

// contradictory reports whether the parts of a conjunction ask one property to be two things.
func contradictory(e ast.Expr) bool {
	asked := map[string]*demands{}
	found := false
	var visit func(e ast.Expr)
	visit = func(e ast.Expr) {
		if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
			return
		}
		function, a, b := e.AsCall().FunctionName(), e.AsCall().Args()[0], e.AsCall().Args()[1]
		if function == operators.LogicalAnd {
			visit(a)
			visit(b)
			return
		}
		if turned, ok := turnedAround[function]; ok && literalOf(a) != nil {
			function, a, b = turned, b, a
		}
		path, _, root := pathOf(a)
		if root == nil || literalOf(b) == nil {
			return
		}
		key := strings.Join(path, "\x00")
		if asked[key] == nil {
			asked[key] = &demands{}
		}
		found = found || asked[key].add(function, literalOf(b))
	}
	visit(e)
	return found
}

// turnedAround are the comparisons with their sides exchanged.
var turnedAround = map[string]string{
	operators.Equals: operators.Equals, operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
	operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals,
}

// add adds a demand, and reports whether it contradicts those before.
func (d *demands) add(function string, v ref.Val) bool {
	n, number := asFloat(v)
	switch function {
	case operators.Equals:
		if d.equal != nil && types.Equal(d.equal, v) != types.True {
			return true
		}
		d.equal = v
	case operators.Greater, operators.GreaterEquals:
		if number && (d.above == nil || n > *d.above || n == *d.above && function == operators.Greater) {
			d.above, d.strictAbove = &n, function == operators.Greater
		}
	case operators.Less, operators.LessEquals:
		if number && (d.below == nil || n < *d.below || n == *d.below && function == operators.Less) {
			d.below, d.strictBelow = &n, function == operators.Less
		}
	}
	if d.above != nil && d.below != nil && (*d.above > *d.below || *d.above == *d.below && (d.strictAbove || d.strictBelow)) {
		return true
	}
	equal, number := 0.0, false
	if d.equal != nil {
		equal, number = asFloat(d.equal)
	}
	return number && (d.above != nil && (equal < *d.above || equal == *d.above && d.strictAbove) ||
		d.below != nil && (equal > *d.below || equal == *d.below && d.strictBelow))
}
