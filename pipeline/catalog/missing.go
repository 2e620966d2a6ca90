package catalog

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// This file makes a missing property null, where plain CEL fails: every path leads to a value or to null, also
// below a missing one, below text and beyond the end of a list. And it tells two kinds of failure apart: an
// operation on null ends in errMissing, which is no match and nobody's fault; anything else is counted.

// errMissing is the value of an operation on a missing property. It carries a node id so that CEL never writes one
// into it: it is shared by all matchers.
var errMissing = types.NewErrWithNodeID(1, "the property is missing")

// missingIsNull decorates the plan of a checked expression.
func missingIsNull(checked *ast.AST) cel.ProgramOption {
	operands := strictOperands(checked)
	return cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		if attribute, ok := i.(interpreter.InterpretableAttribute); ok {
			if _, done := i.(*path); !done {
				i = &path{root: attribute}
			}
		}
		i = calculated(i)
		if operands[i.ID()] {
			return &notNull{i}, nil
		}
		return i, nil
	})
}

// strictOperands are the ids of the expressions that may be null where null is of no use.
func strictOperands(checked *ast.AST) map[int64]bool {
	ids := map[int64]bool{}
	strict := func(operands ...ast.Expr) {
		for _, e := range operands {
			if k := checked.GetType(e.ID()).Kind(); k == types.DynKind || k == types.AnyKind || k == types.NullTypeKind {
				ids[e.ID()] = true
			}
		}
	}
	ast.PostOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			strict(e.AsComprehension().IterRange())
		case ast.CallKind:
			call := e.AsCall()
			switch call.FunctionName() {
			case operators.Equals, operators.NotEquals, operators.Index, overloads.TypeConvertType, overloads.TypeConvertDyn, hasFunction:
			case operators.In:
				strict(call.Args()[1])
			case operators.Conditional:
				strict(call.Args()[0])
			default:
				strict(call.Args()...)
				if call.IsMemberFunction() {
					strict(call.Target())
				}
			}
		}
	}))
	return ids
}

// notNull is an operand that turns null into errMissing.
type notNull struct{ interpreter.InterpretableV2 }

// Exec implements interpreter.InterpretableV2.
func (n *notNull) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := n.InterpretableV2.Exec(frame)
	if v == types.NullValue {
		return errMissing
	}
	return v
}

// Eval implements interpreter.Interpretable.
func (n *notNull) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, n.Exec)
}

// path is a value and the keys that lead into it. It stands for CEL's own attribute, and is one.
type path struct {
	root interpreter.InterpretableAttribute
	id   int64
	keys []pathKey
}

// pathKey is a constant, or an expression when value is nil.
type pathKey struct {
	value   ref.Val
	dynamic interpreter.Qualifier
}

type resolver interface {
	Resolve(interpreter.Activation) (any, error)
}

// Exec implements interpreter.InterpretableV2.
func (p *path) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := p.root.Exec(frame)
	for _, k := range p.keys {
		if types.IsUnknownOrError(v) {
			return v
		}
		key := k.value
		if key == nil {
			found, err := k.dynamic.(resolver).Resolve(frame)
			if err != nil {
				return types.WrapErr(err)
			}
			key = p.Adapter().NativeToValue(found)
		}
		v = lookUp(v, key)
	}
	return v
}

// lookUp returns what v holds under key, null when it holds nothing there.
func lookUp(v, key ref.Val) ref.Val {
	switch in := v.(type) {
	case traits.Mapper:
		if found, ok := in.Find(key); ok {
			return found
		}
	case traits.Lister:
		i, err := types.GetOrError(key)
		if err == nil && i >= 0 && types.Int(i) < in.Size().(types.Int) {
			return in.Get(types.Int(i))
		}
	}
	return types.NullValue
}

// Eval implements interpreter.Interpretable.
func (p *path) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, p.Exec)
}

// ID implements interpreter.Interpretable: the id of the longest expression the path stands for.
func (p *path) ID() int64 {
	if p.id != 0 {
		return p.id
	}
	return p.root.ID()
}

// AddQualifier implements interpreter.Attribute.
func (p *path) AddQualifier(q interpreter.Qualifier) (interpreter.Attribute, error) {
	k := pathKey{dynamic: q}
	if constant, ok := q.(interpreter.ConstantQualifier); ok {
		k.value = constant.Value()
	}
	p.keys, p.id = append(p.keys, k), q.ID()
	return p, nil
}

// Attr implements interpreter.InterpretableAttribute.
func (p *path) Attr() interpreter.Attribute { return p }

// Adapter implements interpreter.InterpretableAttribute.
func (p *path) Adapter() types.Adapter { return p.root.Adapter() }

// IsOptional implements interpreter.Qualifier.
func (p *path) IsOptional() bool { return false }

// Resolve implements interpreter.Attribute.
func (p *path) Resolve(vars interpreter.Activation) (any, error) {
	v := p.Eval(vars)
	if err, failed := v.(*types.Err); failed {
		return nil, err
	}
	return v, nil
}

// Qualify implements interpreter.Qualifier: the value of the path is the key into obj.
func (p *path) Qualify(vars interpreter.Activation, obj any) (any, error) {
	key, err := p.Resolve(vars)
	if err != nil {
		return nil, err
	}
	return lookUp(p.Adapter().NativeToValue(obj), key.(ref.Val)), nil
}

// QualifyIfPresent implements interpreter.Qualifier.
func (p *path) QualifyIfPresent(vars interpreter.Activation, obj any, _ bool) (any, bool, error) {
	v, err := p.Qualify(vars, obj)
	return v, err == nil && v != types.NullValue, err
}
