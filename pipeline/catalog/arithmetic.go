package catalog

import (
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// This file makes numbers numbers: JSON does not tell 10 from 10.0, so arithmetic does not either. Plain CEL knows int, uint
// and double, has no operation on two different ones, and divides ints without a rest. Here whole numbers stay exact as long as
// they fit, 7 / 2 is 3.5, and a division by zero fails, of doubles too.

// arithmeticOperators are what numbers of different kinds may be combined with.
var arithmeticOperators = map[string]func(a, b ref.Val) ref.Val{
	operators.Add:      func(a, b ref.Val) ref.Val { return a.(traits.Adder).Add(b) },
	operators.Subtract: func(a, b ref.Val) ref.Val { return a.(traits.Subtractor).Subtract(b) },
	operators.Multiply: func(a, b ref.Val) ref.Val { return a.(traits.Multiplier).Multiply(b) },
	operators.Divide:   func(a, b ref.Val) ref.Val { return a.(traits.Divider).Divide(b) },
	operators.Modulo:   func(a, b ref.Val) ref.Val { return a.(traits.Modder).Modulo(b) },
}

// arithmeticTraits are what a value must have to be on the left of an operator.
var arithmeticTraits = map[string]int{
	operators.Add: traits.AdderType, operators.Subtract: traits.SubtractorType, operators.Multiply: traits.MultiplierType,
	operators.Divide: traits.DividerType, operators.Modulo: traits.ModderType,
}

// mixedNumbers declares the operators for numbers of different kinds. What they do is said by calculated: a declaration
// cannot replace CEL's own.
func mixedNumbers() (options []cel.EnvOption) {
	kinds := []*cel.Type{cel.IntType, cel.UintType, cel.DoubleType}
	for function := range arithmeticOperators {
		for _, a := range kinds {
			for _, b := range kinds {
				if a != b || function == operators.Modulo && a == cel.DoubleType {
					id := function + a.TypeName() + "_" + b.TypeName()
					options = append(options, cel.Function(function, cel.Overload(id, []*cel.Type{a, b}, cel.DynType)))
				}
			}
		}
	}
	return options
}

// calculated replaces the operators in the plan of an expression.
func calculated(i interpreter.InterpretableV2) interpreter.InterpretableV2 {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok || arithmeticOperators[call.Function()] == nil || len(call.Args()) != 2 {
		return i
	}
	function := call.Function()
	return interpreter.NewCall(call.ID(), function, call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
		return calculate(function, args[0], args[1])
	})
}

// calculate combines two values: numbers as numbers, anything else as CEL does.
func calculate(function string, a, b ref.Val) ref.Val {
	a, b = asInt(a), asInt(b)
	x, wholeX := a.(types.Int)
	y, wholeY := b.(types.Int)
	if wholeX && wholeY {
		if v := exact(function, x, y); v != nil {
			return v
		}
	}
	f, numberX := asFloat(a)
	g, numberY := asFloat(b)
	if numberX && numberY {
		return approximate(function, f, g)
	}
	if !a.Type().HasTrait(arithmeticTraits[function]) {
		return types.MaybeNoSuchOverloadErr(a)
	}
	return arithmeticOperators[function](a, b)
}

// exact combines whole numbers, and returns nil where the result is none, or too large.
func exact(function string, x, y types.Int) ref.Val {
	if function == operators.Divide && (y == 0 || x%y != 0) {
		return nil
	}
	if v := arithmeticOperators[function](x, y); !types.IsError(v) {
		return v
	}
	return nil
}

// approximate combines numbers as doubles.
func approximate(function string, x, y float64) ref.Val {
	if y == 0 && (function == operators.Divide || function == operators.Modulo) {
		return types.NewErr("division by zero")
	}
	switch function {
	case operators.Add:
		return types.Double(x + y)
	case operators.Subtract:
		return types.Double(x - y)
	case operators.Multiply:
		return types.Double(x * y)
	case operators.Divide:
		return types.Double(x / y)
	}
	return types.Double(math.Mod(x, y))
}

// asInt turns an unsigned number that fits into a signed one.
func asInt(v ref.Val) ref.Val {
	if u, unsigned := v.(types.Uint); unsigned && u <= math.MaxInt64 {
		return types.Int(u)
	}
	return v
}

func asFloat(v ref.Val) (f float64, number bool) {
	switch n := v.(type) {
	case types.Int:
		return float64(n), true
	case types.Uint:
		return float64(n), true
	case types.Double:
		return float64(n), true
	}
	return 0, false
}
