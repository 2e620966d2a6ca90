package catalog

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Bounds of an expression. The cost of one evaluation is bounded too: no event can stall a worker.
const (
	maxExpression = 4000   // characters
	maxNesting    = 50     // levels
	maxRegexp     = 2000   // instructions of a compiled pattern
	maxCost       = 50_000 // CEL cost units: about one per operation, and one per ten characters
)

// hasFunction stands for the macro has, which must not fail below a missing property.
const hasFunction = "@has"

// expression is a compiled where.
type expression struct {
	text    string // canonical: the same however it is spaced and quoted
	program cel.Program
}

// where compiles the CEL expression in n, and returns nil after reporting why it cannot.
func (l *loader) where(n *node) *expression {
	if utf8.RuneCountInString(n.text) > maxExpression {
		l.errorf(n.pos, "the expression is too long: write at most %d characters", maxExpression)
		return nil
	}
	checked, issues := environment().Compile(n.text)
	if issues.Err() != nil {
		l.celProblems(n, issues)
		return nil
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		l.errorf(n.pos, "where is true or false, and this is %s: write a comparison, such as properties.plan == \"pro\"", celTypeName(t.String()))
		return nil
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
	text, err := cel.AstToString(checked)
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
	return environment().Program(checked,
		missingIsNull(checked.NativeRep()), cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost))
}

// environment is what expressions may use: CEL's standard library over event, properties and context.
var environment = sync.OnceValue(func() *cel.Env {
	dynamic := cel.MapType(cel.StringType, cel.DynType)
	env, err := cel.NewCustomEnv(
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
	)
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

// celProblems reports CEL's messages at their places in the file, in words for people who do not know CEL.
// After a syntax error only the first counts: the rest is noise.
func (l *loader) celProblems(n *node, issues *cel.Issues) {
	for _, e := range issues.Errors() {
		syntax := strings.HasPrefix(e.Message, "Syntax error")
		at := l.file.inside(n, e.Location.Line(), e.Location.Column())
		l.errorf(at, "%s", adviseCEL(e.Message, n.text))
		if syntax {
			return
		}
	}
}

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	noOverload = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
	operator   = regexp.MustCompile(`^_?([^_a-z]+)_?$`)
	wordOps    = regexp.MustCompile(`(?i)(^|[\s)])(and|or|not)($|[\s(])`)
	singleIs   = regexp.MustCompile(`[^=!<>]=[^=]`)
)

func adviseCEL(message, source string) string {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return adviseName(m[1])
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		return adviseOverload(m[1], m[2])
	}
	rest, syntax := strings.CutPrefix(message, "Syntax error: ")
	switch {
	case !syntax:
		return "the expression cannot be used: " + message
	case strings.Contains(source, "<>"):
		return "the expression is not CEL: for \"is not\" write != instead of <>"
	case singleIs.MatchString(source):
		return "the expression is not CEL: for \"is equal to\" write == instead of ="
	case wordOps.MatchString(source):
		return "the expression is not CEL: write && for and, || for or, ! for not"
	}
	return "the expression is not CEL (" + rest + "): write for example properties.plan == \"pro\" && properties.seats > 5"
}

func adviseName(name string) string {
	switch {
	case name == "":
		return "the expression is empty: write for example properties.plan == \"pro\""
	case strings.EqualFold(name, "and"), strings.EqualFold(name, "or"), strings.EqualFold(name, "not"):
		return "the expression is not CEL: write && for and, || for or, ! for not"
	}
	if near := nearest(name, []string{"event", "properties", "context"}); near != "" {
		return "unknown name " + quoted(name) + ": write " + near
	}
	for _, f := range environment().Functions() {
		if near := nearest(name, []string{f.Name()}); near != "" && len(name) > 2 && !strings.ContainsAny(near, "_@") {
			return "unknown name " + quoted(name) + ": write properties." + name + " for a property, or " + near + "() for the function"
		}
	}
	return "unknown name " + quoted(name) + ": write properties." + name + " for a property, or quotes around text"
}

func adviseOverload(function, types string) string {
	kinds := celTypeName(strings.TrimSuffix(strings.TrimPrefix(types, "("), ")"))
	if receiver, args, ok := strings.Cut(types, ".("); ok {
		kinds = celTypeName(receiver) + " and " + celTypeName(strings.TrimSuffix(args, ")"))
	}
	if m := operator.FindStringSubmatch(strings.Trim(function, "@")); m != nil {
		function = strings.Trim(m[1], "_")
	}
	return quoted(function) + " does not work with " + kinds + ": compare text with text and numbers with numbers"
}

// celTypeName writes CEL's names of types in words.
func celTypeName(s string) string {
	return strings.NewReplacer(
		"map(string, dyn)", "a mapping", "string", "text", "int", "a whole number", "double", "a number", "uint", "a number",
		"bool", "true or false", "null_type", "null", "dyn", "a property", "list(", "a list (", ", ", " and ",
	).Replace(s)
}
