package catalog

import (
	"strings"
	"sync"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Bounds of an expression. The cost of one evaluation is bounded too: no event can stall a worker.
const (
	maxExpression = 4000    // characters
	maxNesting    = 50      // levels
	maxRegexp     = 2000    // instructions of a compiled pattern
	maxCost       = 250_000 // CEL cost units: about one per operation, and one per ten characters
)

// hasFunction stands for the macro has, which must not fail below a missing property.
const hasFunction = "@has"

// expression is a compiled where.
type expression struct {
	text    string // canonical: the same however it is spaced and quoted
	program cel.Program
}

// where compiles the CEL expression in n for events with one of the names (nil: any), and returns nil after reporting why it
// cannot.
func (l *loader) where(n *node, names []string) *expression {
	if n.kind != textNode || strings.TrimSpace(n.text) == "" {
		l.errorf(n.pos, "\"where\" is an expression, not %s: write for example 'properties.plan == \"pro\"'", describe(n))
		return nil
	}
	if utf8.RuneCountInString(n.text) > maxExpression {
		l.errorf(n.pos, "the expression is too long: write at most %d characters", maxExpression)
		return nil
	}
	checked, issues := environment().Compile(n.text)
	if issues.Err() != nil {
		l.celProblems(n, issues)
		return nil
	}
	if root := checked.NativeRep().Expr(); root.Kind() == ast.CallKind && arithmeticOperators[root.AsCall().FunctionName()] != nil {
		l.errorf(n.pos, "where is true or false, and this is a sum, difference, product or quotient: write a comparison, such as properties.seats * 2 > 10")
		return nil
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		l.errorf(n.pos, "where is true or false, and this is %s: write a comparison, such as properties.plan == \"pro\"", kindsInWords(t.String()))
		return nil
	}
	if never(checked.NativeRep().Expr(), names) {
		l.errorf(n.pos, "no event can meet this condition: write one that some can, such as properties.plan == \"pro\"")
		return nil
	}
	if root := literalOf(checked.NativeRep().Expr()); root != nil {
		l.warnf(n.pos, "every event meets this condition: remove it")
	}
	program, err := plan(checked)
	if err != nil {
		l.errorf(n.pos, "the expression cannot be used: %v", err)
		return nil
	}
	l.sawPaths(n, checked.NativeRep())
	return &expression{text: canonical(checked, n.text), program: program}
}

// canonical is the text of an expression in CEL's own formatting.
func canonical(checked *cel.Ast, source string) string {
	text, err := cel.AstToString(checked, cel.FormatWrapOnColumn(10*maxExpression)) // that is, on one line
	if err != nil {
		return strings.TrimSpace(source)
	}
	if _, issues := environment().Compile(text); issues.Err() != nil {
		return strings.TrimSpace(source)
	}
	return text
}

// compile compiles the expression of a selector that Load accepted.
func compile(source string) (cel.Program, error) {
	checked, issues := environment().Compile(source)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	return plan(checked)
}

func plan(checked *cel.Ast) (cel.Program, error) {
	options := []cel.ProgramOption{missingIsNull(checked.NativeRep()), cel.EvalOptions(cel.OptOptimize)}
	if amplifies(checked.NativeRep()) {
		options = append(options, cel.CostTracking(concatenation{}), cel.CostLimit(maxCost))
	}
	return environment().Program(checked, options...)
}

// amplifies reports whether an expression can take more than a few steps per byte of an event: loops, patterns
// and sums. Only these pay for keeping count, which doubles the time of a plain comparison.
func amplifies(checked *ast.AST) (found bool) {
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			found = true
		case ast.CallKind:
			f := e.AsCall().FunctionName()
			found = found || f == operators.Add || f == overloads.Matches
		}
	}))
	return found
}

// concatenation is the cost of joining text, which CEL takes for one step when it does not know the types.
type concatenation struct{}

// CallCost implements cost.ActualCostEstimator; nil leaves the cost to CEL.
func (concatenation) CallCost(function, _ string, _ []ref.Val, result ref.Val) *uint64 {
	text, ok := result.(types.String)
	if !ok || function != operators.Add {
		return nil
	}
	n := 1 + uint64(len(text))/10
	return &n
}

// environment is what expressions may use: CEL's standard library over event, properties and context.
var environment = sync.OnceValue(func() *cel.Env {
	dynamic := cel.MapType(cel.StringType, cel.DynType)
	env, err := cel.NewCustomEnv(append([]cel.EnvOption{
		cel.StdLib(),
		cel.ClearMacros(),
		cel.Macros(macros()...),
		cel.EnableMacroCallTracking(),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(maxNesting),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.RegexProgramSizeLimit(maxRegexp),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals()),
		cel.Variable("event", cel.StringType),
		cel.Variable("properties", dynamic),
		cel.Variable("context", dynamic),
		cel.Function(hasFunction, cel.Overload("has_dyn_string",
			[]*cel.Type{cel.DynType, cel.StringType}, cel.BoolType, cel.BinaryBinding(has))),
	}, mixedNumbers()...)...)
	if err != nil {
		panic("BUG: the CEL environment is invalid: " + err.Error())
	}
	return env
})

// macros are the standard ones with our own has.
func macros() []cel.Macro {
	out := []cel.Macro{cel.GlobalMacro("has", 1, expandHas)}
	for _, m := range cel.StandardMacros {
		if m.Function() != "has" {
			out = append(out, m)
		}
	}
	return out
}

func expandHas(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	if args[0].Kind() != ast.SelectKind {
		return nil, h.NewError(args[0].ID(), "has() takes a path, such as has(properties.plan)")
	}
	s := args[0].AsSelect()
	return h.NewCall(hasFunction, s.Operand(), h.NewLiteral(types.String(s.FieldName()))), nil
}

// has reports whether a key is there, be its value null.
func has(in, key ref.Val) ref.Val {
	m, ok := in.(traits.Mapper)
	if !ok {
		return types.False
	}
	_, found := m.Find(key)
	return types.Bool(found)
}
