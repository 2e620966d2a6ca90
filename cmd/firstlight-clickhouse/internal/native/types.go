package native

import (
	"fmt"
	"strconv"
	"strings"
)

// kind is how values of a type lie in a Native column. A column has two parts: the state of its parts first
// (prefix), then the values (values). n is the number of values.
type kind interface {
	prefix(c *copier) error
	values(c *copier, n uint64) error
}

type (
	fixed          uint64              // bytes per value
	text           struct{}            // length, bytes
	nullable       struct{ of kind }   // a byte per value, then the values
	array          struct{ of kind }   // 8 byte ends, then the elements
	tuple          struct{ of []kind } // column by column
	lowCardinality struct{ of kind }   // a dictionary and indexes into it
)

// sizes are the types of fixed size, in bytes.
var sizes = map[string]fixed{
	"Bool": 1, "Int8": 1, "UInt8": 1, "Enum8": 1, "Nothing": 1,
	"Int16": 2, "UInt16": 2, "Enum16": 2, "Date": 2, "BFloat16": 2,
	"Int32": 4, "UInt32": 4, "Float32": 4, "Date32": 4, "DateTime": 4, "IPv4": 4, "Decimal32": 4, "Time": 4,
	"Int64": 8, "UInt64": 8, "Float64": 8, "DateTime64": 8, "Decimal64": 8, "Time64": 8,
	"Int128": 16, "UInt128": 16, "UUID": 16, "IPv6": 16, "Decimal128": 16,
	"Int256": 32, "UInt256": 32, "Decimal256": 32,
	"IntervalNanosecond": 8, "IntervalMicrosecond": 8, "IntervalMillisecond": 8, "IntervalSecond": 8,
	"IntervalMinute": 8, "IntervalHour": 8, "IntervalDay": 8, "IntervalWeek": 8, "IntervalMonth": 8,
	"IntervalQuarter": 8, "IntervalYear": 8,
}

// aliases are types that are stored as others.
var aliases = map[string]string{
	"Point":           "Tuple(Float64, Float64)",
	"Ring":            "Array(Point)",
	"LineString":      "Array(Point)",
	"MultiLineString": "Array(LineString)",
	"Polygon":         "Array(Ring)",
	"MultiPolygon":    "Array(Polygon)",
}

// parseType reads a type's name as ClickHouse writes it.
func parseType(name string) (kind, error) {
	base, arguments := splitType(name)
	if size, ok := sizes[base]; ok {
		return size, nil
	}
	if alias, ok := aliases[base]; ok {
		return parseType(alias)
	}
	switch base {
	case "String":
		return text{}, nil
	case "FixedString":
		return parseFixedString(arguments)
	case "Decimal":
		return parseDecimal(arguments)
	case "Tuple", "Nested", "Map":
		of, err := parseTypes(arguments)
		if err != nil {
			return nil, err
		}
		if base == "Tuple" {
			return tuple{of}, nil
		}
		return array{tuple{of}}, nil
	case "SimpleAggregateFunction":
		if len(arguments) > 1 {
			return parseType(arguments[1])
		}
	case "Nullable", "Array", "LowCardinality":
		if len(arguments) == 1 {
			return parseWrapper(base, arguments[0])
		}
	}
	return nil, fmt.Errorf("type %s has no known layout", name)
}

func parseWrapper(base, argument string) (kind, error) {
	of, err := parseType(argument)
	if err != nil {
		return nil, err
	}
	switch base {
	case "Nullable":
		return nullable{of}, nil
	case "Array":
		return array{of}, nil
	default:
		if n, ok := of.(nullable); ok { // the dictionary's first entry stands for NULL
			of = n.of
		}
		return lowCardinality{of}, nil
	}
}

func parseTypes(arguments []string) ([]kind, error) {
	var kinds []kind
	for _, a := range arguments {
		k, err := parseType(withoutName(a))
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

func parseFixedString(arguments []string) (kind, error) {
	if len(arguments) == 1 {
		if n, err := strconv.ParseUint(arguments[0], 10, 32); err == nil {
			return fixed(n), nil
		}
	}
	return nil, fmt.Errorf("type FixedString(%s) has no known layout", strings.Join(arguments, ", "))
}

func parseDecimal(arguments []string) (kind, error) {
	if len(arguments) > 0 {
		switch digits, err := strconv.Atoi(arguments[0]); {
		case err != nil:
		case digits <= 9:
			return fixed(4), nil
		case digits <= 18:
			return fixed(8), nil
		case digits <= 38:
			return fixed(16), nil
		default:
			return fixed(32), nil
		}
	}
	return nil, fmt.Errorf("type Decimal(%s) has no known layout", strings.Join(arguments, ", "))
}

// splitType splits "Map(String, Array(Int8))" into "Map" and its arguments.
func splitType(name string) (base string, arguments []string) {
	base, rest, ok := strings.Cut(name, "(")
	if !ok {
		return name, nil
	}
	rest = strings.TrimSuffix(rest, ")")
	for from := 0; from <= len(rest); {
		n := endOf(rest[from:], ",")
		arguments = append(arguments, strings.TrimSpace(rest[from:from+n]))
		from += n + 1
	}
	return base, arguments
}

// withoutName drops the element's name of a named tuple: "`a b` Array(Int8)" is Array(Int8).
func withoutName(element string) string {
	if n := endOf(element, " "); n < len(element) {
		return element[n+1:]
	}
	return element
}

// endOf is the offset of the first separator outside of quotes and parentheses, or the length of s.
func endOf(s, separator string) int {
	depth := 0
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '`' || c == '"':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && c == separator[0]:
			return i
		}
	}
	return len(s)
}
