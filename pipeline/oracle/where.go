package oracle

// A small evaluator for the `where` conditions that tests use: literals, event, properties.a.b, context.a,
// == != < <= > >= in, && || !, + - * / %, startsWith and parentheses. A missing property is null; null may be compared for
// equality only. Numbers are doubles, whatever they look like. A condition that fails does not match.

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// expression yields a string, float64, bool, nil, []any or map[string]any, or fails.
type expression func(e *event) (any, error)

var errNoSuchOverload = errors.New("the operator does not apply to these values")

func holds(x expression, e *event) bool {
	v, err := x(e)
	return err == nil && v == true
}

var token = regexp.MustCompile(`^\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[A-Za-z_][A-Za-z0-9_]*|==|!=|<=|>=|&&|\|\||[<>!().,\[\]+*/%-])`)

var unescape = strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`)

type parser struct{ tokens []string }

func parseExpression(text string) (expression, error) {
	p := &parser{}
	for rest := text; strings.TrimSpace(rest) != ""; {
		m := token.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("where %q: cannot read %q", text, rest)
		}
		p.tokens = append(p.tokens, m[1])
		rest = rest[len(m[0]):]
	}
	x, err := p.or()
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("unexpected %q", p.tokens[0])
	}
	if err != nil {
		return nil, fmt.Errorf("where %q: %w", text, err)
	}
	return x, nil
}

// take consumes the next token when it is one of the given.
func (p *parser) take(any ...string) string {
	if len(p.tokens) == 0 {
		return ""
	}
	for _, t := range any {
		if p.tokens[0] == t {
			p.tokens = p.tokens[1:]
			return t
		}
	}
	return ""
}

func (p *parser) or() (expression, error)  { return p.logical("||", true, p.and) }
func (p *parser) and() (expression, error) { return p.logical("&&", false, p.relation) }

// logical reads a chain of one operator. decisive is the value that settles it whatever the other side is,
// even when the other side fails.
func (p *parser) logical(op string, decisive bool, next func() (expression, error)) (expression, error) {
	left, err := next()
	for err == nil && p.take(op) != "" {
		a := left
		var b expression
		b, err = next()
		left = func(e *event) (any, error) {
			x, errX := a(e)
			y, errY := b(e)
			_, boolX := x.(bool)
			_, boolY := y.(bool)
			switch {
			case errX == nil && x == decisive, errY == nil && y == decisive:
				return decisive, nil
			case errX != nil:
				return nil, errX
			case errY != nil:
				return nil, errY
			case !boolX || !boolY:
				return nil, errNoSuchOverload
			}
			return !decisive, nil
		}
	}
	return left, err
}

func (p *parser) sum() (expression, error)     { return p.arithmetic(p.product, "+", "-") }
func (p *parser) product() (expression, error) { return p.arithmetic(p.unary, "*", "/", "%") }

// arithmetic reads a chain of operators of one rank.
func (p *parser) arithmetic(next func() (expression, error), ops ...string) (expression, error) {
	left, err := next()
	for err == nil {
		op := p.take(ops...)
		if op == "" {
			break
		}
		a := left
		var b expression
		b, err = next()
		left = func(e *event) (any, error) {
			x, errX := a(e)
			y, errY := b(e)
			if errX != nil || errY != nil {
				return nil, errors.Join(errX, errY)
			}
			f, okX := x.(float64)
			g, okY := y.(float64)
			if !okX || !okY || g == 0 && (op == "/" || op == "%") {
				return nil, errNoSuchOverload
			}
			return map[string]float64{"+": f + g, "-": f - g, "*": f * g, "/": f / g, "%": math.Mod(f, g)}[op], nil
		}
	}
	return left, err
}

func (p *parser) relation() (expression, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	op := p.take("==", "!=", "<=", ">=", "<", ">", "in")
	if op == "" {
		return left, nil
	}
	right, err := p.sum()
	if err != nil {
		return nil, err
	}
	return func(e *event) (any, error) {
		x, err := left(e)
		if err != nil {
			return nil, err
		}
		y, err := right(e)
		if err != nil {
			return nil, err
		}
		return compare(op, x, y)
	}, nil
}

func (p *parser) unary() (expression, error) {
	op := p.take("!", "-")
	if op == "" {
		return p.primary()
	}
	inner, err := p.unary()
	if err != nil {
		return nil, err
	}
	return func(e *event) (any, error) {
		x, err := inner(e)
		if err != nil {
			return nil, err
		}
		if b, ok := x.(bool); ok && op == "!" {
			return !b, nil
		}
		if f, ok := x.(float64); ok && op == "-" {
			return -f, nil
		}
		return nil, errNoSuchOverload
	}, nil
}

func (p *parser) primary() (expression, error) {
	if p.take("(") != "" {
		x, err := p.or()
		if err == nil && p.take(")") == "" {
			err = errors.New("missing )")
		}
		return x, err
	}
	if p.take("[") != "" {
		return p.list()
	}
	if len(p.tokens) == 0 {
		return nil, errors.New("ends too early")
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	switch {
	case t == "null" || t == "true" || t == "false":
		return constant(map[string]any{"null": nil, "true": true, "false": false}[t]), nil
	case t[0] == '"' || t[0] == '\'':
		return constant(unescape.Replace(t[1 : len(t)-1])), nil
	case t[0] >= '0' && t[0] <= '9':
		f, err := strconv.ParseFloat(t, 64)
		return constant(f), err
	}
	path := []string{t}
	for p.take(".") != "" {
		if len(p.tokens) == 0 {
			return nil, errors.New("ends with a dot")
		}
		key := p.tokens[0]
		p.tokens = p.tokens[1:]
		if key == "startsWith" && p.take("(") != "" {
			return p.startsWith(path)
		}
		path = append(path, key)
	}
	return func(e *event) (any, error) { return lookup(e.fields, path), nil }, nil
}

// startsWith stands for all functions: it does not apply to what is missing.
func (p *parser) startsWith(path []string) (expression, error) {
	prefix, err := p.primary()
	if err == nil && p.take(")") == "" {
		err = errors.New("missing )")
	}
	return func(e *event) (any, error) {
		start, err := prefix(e)
		if err != nil {
			return nil, err
		}
		a, okA := lookup(e.fields, path).(string)
		b, okB := start.(string)
		if !okA || !okB {
			return nil, errNoSuchOverload
		}
		return strings.HasPrefix(a, b), nil
	}, err
}

func (p *parser) list() (expression, error) {
	var items []expression
	for p.take("]") == "" {
		x, err := p.or()
		if err != nil {
			return nil, err
		}
		items = append(items, x)
		p.take(",")
	}
	return func(e *event) (any, error) {
		var values []any
		for _, item := range items {
			v, err := item(e)
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
		return values, nil
	}, nil
}

func constant(v any) expression {
	return func(*event) (any, error) { return v, nil }
}

// lookup follows a path through objects; what is missing is null, and so is everything below it.
func lookup(fields map[string]any, path []string) any {
	var v any = fields
	for _, key := range path {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	if n, ok := v.(json.Number); ok {
		f, _ := n.Float64() // beyond a double's range it is infinite
		return f
	}
	return v
}

func compare(op string, x, y any) (any, error) {
	switch op {
	case "==":
		return reflect.DeepEqual(x, y), nil
	case "!=":
		return !reflect.DeepEqual(x, y), nil
	case "in":
		list, ok := y.([]any)
		if !ok {
			return nil, errNoSuchOverload
		}
		for _, v := range list {
			if reflect.DeepEqual(x, v) {
				return true, nil
			}
		}
		return false, nil
	}
	order := 0
	switch a := x.(type) {
	case float64:
		b, ok := y.(float64)
		if !ok {
			return nil, errNoSuchOverload
		}
		order = sign(a, b)
	case string:
		b, ok := y.(string)
		if !ok {
			return nil, errNoSuchOverload
		}
		order = strings.Compare(a, b)
	default:
		return nil, errNoSuchOverload
	}
	switch op {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	default:
		return order >= 0, nil
	}
}

func sign(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
