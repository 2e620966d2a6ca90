package catalog

import (
	"slices"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// joinColons puts plain text together that the library cuts: inside a flow mapping it takes the colon of [order:created] for
// that of a key, where YAML wants white space after it.
func joinColons(tokens token.Tokens) token.Tokens {
	out := make(token.Tokens, 0, len(tokens))
	var open []token.Type // the brackets around
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			open = append(open, t.Type)
		case token.MappingEndType, token.SequenceEndType:
			open = open[:max(len(open)-1, 0)]
		}
		inList := len(open) > 0 && open[len(open)-1] == token.SequenceStartType
		for inList && plainText(t) && i+2 < len(tokens) && tokens[i+1].Type == token.MappingValueType && plainText(tokens[i+2]) &&
			follows(t, tokens[i+1]) && follows(tokens[i+1], tokens[i+2]) {
			t = joined(t, tokens[i+1], tokens[i+2])
			i += 2
		}
		out = append(out, t)
	}
	for i, t := range out {
		t.Prev, t.Next = nil, nil
		if i > 0 {
			t.Prev, out[i-1].Next = out[i-1], t
		}
	}
	return out
}

// plainText reports whether a token is a scalar without quotes.
func plainText(t *token.Token) bool {
	return slices.Contains([]token.Type{
		token.StringType, token.IntegerType, token.FloatType, token.BoolType, token.NullType,
		token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType, token.InfinityType, token.NanType,
	}, t.Type)
}

// follows reports whether b stands right behind a.
func follows(a, b *token.Token) bool {
	return a.Position.Line == b.Position.Line && a.Position.Column+utf8.RuneCountInString(a.Value) == b.Position.Column
}

func joined(parts ...*token.Token) *token.Token {
	all := *parts[0]
	all.Type, all.CharacterType, all.Indicator = token.StringType, token.CharacterTypeMiscellaneous, token.NotIndicator
	all.Value, all.Origin = "", ""
	for _, p := range parts {
		all.Value += p.Value
		all.Origin += p.Origin
	}
	return &all
}
