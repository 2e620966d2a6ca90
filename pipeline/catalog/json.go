package catalog

import (
	"errors"
	"reflect"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
	"github.com/tidwall/gjson"
)

// This file shows the raw JSON of an event to CEL. Each object and list is taken apart when an expression first
// looks into it, and at most once per event.

// budget bounds the comparisons that CEL's own cost accounting cannot see: those inside nested JSON values.
type budget struct{ left int }

// maxComparisons of nested values per expression and event; a payload of 256 KiB holds at most 131072 values.
const maxComparisons = 500_000

func (b *budget) spend(n int) {
	if b.left -= n + 1; b.left < 0 {
		panic(interpreter.EvalCancelledError{Cause: interpreter.CostLimitExceeded, Message: "too many comparisons"})
	}
}

// value turns JSON into a CEL value: whole numbers that fit become int, or uint, all others double.
func (b *budget) value(r gjson.Result) ref.Val {
	switch r.Type {
	case gjson.True, gjson.False:
		return types.Bool(r.Type == gjson.True)
	case gjson.Number:
		return numberValue(r)
	case gjson.String:
		return types.String(r.Str)
	case gjson.JSON:
		if r.IsArray() {
			return b.list(r)
		}
		return &jsonObject{budget: b, raw: r}
	}
	return types.NullValue
}

func numberValue(r gjson.Result) ref.Val {
	if !strings.ContainsAny(r.Raw, ".eE") {
		if i, err := strconv.ParseInt(r.Raw, 10, 64); err == nil {
			return types.Int(i)
		}
		if u, err := strconv.ParseUint(r.Raw, 10, 64); err == nil {
			return types.Uint(u)
		}
	}
	return types.Double(r.Num)
}

// jsonObject is a JSON object. Of keys that occur twice the last one counts, as in JavaScript.
type jsonObject struct {
	*budget
	raw    gjson.Result
	fields []jsonField
	index  map[string]int // of large objects only
	read   bool
}

type jsonField struct {
	key   string
	raw   gjson.Result
	value ref.Val // nil until asked for
}

// largeObject is the number of fields from which a map is faster than looking at each.
const largeObject = 16

// reset makes o the object of another event, keeping its memory.
func (o *jsonObject) reset(raw gjson.Result) {
	clear(o.fields)
	o.raw, o.fields, o.index, o.read = raw, o.fields[:0], nil, false
}

func (o *jsonObject) open() {
	if o.read {
		return
	}
	o.read = true
	o.raw.ForEach(func(key, value gjson.Result) bool {
		o.put(key.Str, value)
		return true
	})
}

func (o *jsonObject) put(key string, raw gjson.Result) {
	if i := o.find(key); i >= 0 {
		o.fields[i].raw = raw
		return
	}
	o.fields = append(o.fields, jsonField{key: key, raw: raw})
	switch n := len(o.fields); {
	case n == largeObject:
		o.index = make(map[string]int, 2*n)
		for i := range o.fields {
			o.index[o.fields[i].key] = i
		}
	case n > largeObject:
		o.index[key] = n - 1
	}
}

func (o *jsonObject) find(key string) int {
	if o.index != nil {
		if i, ok := o.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range o.fields {
		if o.fields[i].key == key {
			return i
		}
	}
	return -1
}

func (o *jsonObject) at(i int) ref.Val {
	f := &o.fields[i]
	if f.value == nil {
		f.value = o.budget.value(f.raw)
	}
	return f.value
}

// Find implements traits.Mapper.
func (o *jsonObject) Find(key ref.Val) (ref.Val, bool) {
	k, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	o.open()
	if i := o.find(string(k)); i >= 0 {
		return o.at(i), true
	}
	return nil, false
}

// Get implements traits.Indexer.
func (o *jsonObject) Get(key ref.Val) ref.Val {
	if v, ok := o.Find(key); ok {
		return v
	}
	return types.NullValue
}

// Contains implements traits.Container: whether there is such a key.
func (o *jsonObject) Contains(key ref.Val) ref.Val {
	_, ok := o.Find(key)
	return types.Bool(ok)
}

// Size implements traits.Sizer.
func (o *jsonObject) Size() ref.Val {
	o.open()
	return types.Int(len(o.fields))
}

// Iterator implements traits.Iterable, over the keys.
func (o *jsonObject) Iterator() traits.Iterator {
	o.open()
	keys := make([]ref.Val, len(o.fields))
	for i := range o.fields {
		keys[i] = types.String(o.fields[i].key)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, keys).Iterator()
}

// Equal implements ref.Val.
func (o *jsonObject) Equal(other ref.Val) ref.Val {
	m, ok := other.(traits.Mapper)
	if !ok {
		return types.False
	}
	o.open()
	o.spend(len(o.fields))
	if m.Size() != types.Int(len(o.fields)) {
		return types.False
	}
	for i := range o.fields {
		v, found := m.Find(types.String(o.fields[i].key))
		if !found || types.Equal(o.at(i), v) != types.True {
			return types.False
		}
	}
	return types.True
}

// Type implements ref.Val.
func (o *jsonObject) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (o *jsonObject) Value() any { return o.raw.Raw }

// ConvertToType implements ref.Val.
func (o *jsonObject) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return o
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("a map cannot become %s", t.TypeName())
}

// ConvertToNative implements ref.Val.
func (o *jsonObject) ConvertToNative(reflect.Type) (any, error) {
	return nil, errors.New("a property has no native form")
}

// jsonList is a JSON list; its comparisons are paid for.
type jsonList struct {
	traits.Lister
	*budget
	size int
}

func (b *budget) list(r gjson.Result) ref.Val {
	var elements []ref.Val
	r.ForEach(func(_, value gjson.Result) bool {
		elements = append(elements, b.value(value))
		return true
	})
	return &jsonList{types.NewRefValList(types.DefaultTypeAdapter, elements), b, len(elements)}
}

// Equal implements ref.Val.
func (l *jsonList) Equal(other ref.Val) ref.Val {
	l.spend(l.size)
	return l.Lister.Equal(other)
}

// Contains implements traits.Container.
func (l *jsonList) Contains(v ref.Val) ref.Val {
	l.spend(l.size)
	return l.Lister.Contains(v)
}
