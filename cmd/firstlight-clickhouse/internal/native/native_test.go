package native

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sample is a type with a way to draw its values, as clickhouse-go takes them.
type sample struct {
	typeName string
	draw     func(t *rapid.T) any
}

var samples = []sample{
	{"Int8", func(t *rapid.T) any { return rapid.Int8().Draw(t, "v") }},
	{"UInt16", func(t *rapid.T) any { return rapid.Uint16().Draw(t, "v") }},
	{"Int64", func(t *rapid.T) any { return rapid.Int64().Draw(t, "v") }},
	{"Float64", func(t *rapid.T) any { return rapid.Float64().Draw(t, "v") }},
	{"Bool", func(t *rapid.T) any { return rapid.Bool().Draw(t, "v") }},
	{"String", func(t *rapid.T) any { return drawText(t) }},
	{"FixedString(5)", func(t *rapid.T) any { return rapid.StringN(5, 5, 5).Draw(t, "v") }},
	{"DateTime('UTC')", func(t *rapid.T) any { return drawTime(t) }},
	{"DateTime64(3, 'Europe/Berlin')", func(t *rapid.T) any { return drawTime(t) }},
	{"Date", func(t *rapid.T) any { return drawTime(t) }},
	{"Enum8('a, (b' = 1, 'c\\'d' = 2)", func(t *rapid.T) any { return rapid.SampledFrom([]string{"a, (b", "c'd"}).Draw(t, "v") }},
	{"Nullable(Int32)", func(t *rapid.T) any { return rapid.Ptr(rapid.Int32(), true).Draw(t, "v") }},
	{"Nullable(String)", func(t *rapid.T) any { return rapid.Ptr(rapid.String(), true).Draw(t, "v") }},
	{"LowCardinality(String)", func(t *rapid.T) any { return drawText(t) }},
	{"LowCardinality(Nullable(String))", func(t *rapid.T) any { return rapid.Ptr(rapid.String(), true).Draw(t, "v") }},
	{"Array(UInt64)", func(t *rapid.T) any { return rapid.SliceOfN(rapid.Uint64(), 0, 4).Draw(t, "v") }},
	{"Array(Array(String))", func(t *rapid.T) any { return rapid.SliceOfN(rapid.SliceOfN(rapid.String(), 0, 3), 0, 3).Draw(t, "v") }},
	{"Array(LowCardinality(String))", func(t *rapid.T) any { return rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, "v") }},
	{"Map(String, UInt64)", func(t *rapid.T) any { return rapid.MapOfN(rapid.String(), rapid.Uint64(), 0, 4).Draw(t, "v") }},
	{"Map(LowCardinality(String), Array(Nullable(Float64)))", func(t *rapid.T) any {
		return rapid.MapOfN(rapid.String(), rapid.SliceOfN(rapid.Ptr(rapid.Float64(), true), 0, 2), 0, 3).Draw(t, "v")
	}},
	{"Array(Map(String, String))", func(t *rapid.T) any {
		return rapid.SliceOfN(rapid.MapOfN(rapid.String(), rapid.String(), 0, 2), 0, 3).Draw(t, "v")
	}},
	{"Tuple(Int8, LowCardinality(String))", func(t *rapid.T) any { return []any{rapid.Int8().Draw(t, "a"), drawText(t)} }},
	{"Tuple(a Int8, c Array(String))", func(t *rapid.T) any {
		return []any{rapid.Int8().Draw(t, "a"), rapid.SliceOfN(rapid.String(), 0, 2).Draw(t, "c")}
	}},
	{"SimpleAggregateFunction(max, UInt64)", func(t *rapid.T) any { return rapid.Uint64().Draw(t, "v") }},
	{"Decimal(9, 2)", func(t *rapid.T) any { return fmt.Sprintf("%d.25", rapid.IntRange(-9999, 9999).Draw(t, "v")) }},
	{"Variant(Int64, String)", func(t *rapid.T) any { return rapid.Int64().Draw(t, "v") }},
}

// drawText is sometimes longer than any buffer, so that it crosses their ends.
func drawText(t *rapid.T) string {
	s := rapid.String().Draw(t, "text")
	if rapid.IntRange(0, 19).Draw(t, "long") == 0 {
		return strings.Repeat(s+"x", rapid.IntRange(1, bufferSize/8).Draw(t, "times"))
	}
	return s
}

func drawTime(t *rapid.T) time.Time {
	return time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "ms")).UTC()
}

// TestRewriteIsAsTheDriverEncodes draws blocks and demands the bytes that clickhouse-go writes at each revision.
func TestRewriteIsAsTheDriverEncodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var zero, want chproto.Buffer
		revision := rapid.SampledFrom([]uint64{54405, 54454, 54460, 54513}).Draw(t, "revision")
		for range rapid.IntRange(0, 3).Draw(t, "blocks") {
			block := drawBlock(t)
			for _, e := range []struct {
				buffer   *chproto.Buffer
				revision uint64
			}{{&zero, 0}, {&want, revision}} {
				if err := block.Encode(e.buffer, e.revision); err != nil {
					t.Fatal(err)
				}
			}
		}
		var got bytes.Buffer
		in := iotest.OneByteReader(bytes.NewReader(zero.Buf))
		if rapid.Bool().Draw(t, "whole") {
			in = bytes.NewReader(zero.Buf)
		}
		if err := Rewrite(&got, in, revision, time.UTC); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want.Buf) {
			t.Fatalf("rewritten to\n%q\nwant\n%q", got.Bytes(), want.Buf)
		}
	})
}

func drawBlock(t *rapid.T) *proto.Block {
	block := &proto.Block{ServerContext: &column.ServerContext{Timezone: time.UTC}}
	columns := rapid.SliceOfN(rapid.SampledFrom(samples), 1, 4).Draw(t, "columns")
	for i, s := range columns {
		if err := block.AddColumn(fmt.Sprintf("c%d", i), column.Type(s.typeName)); err != nil {
			t.Fatal(err)
		}
	}
	for range rapid.IntRange(1, 5).Draw(t, "rows") {
		var values []any
		for _, s := range columns {
			values = append(values, s.draw(t))
		}
		if err := block.Append(values...); err != nil {
			t.Fatal(err)
		}
	}
	return block
}

func TestBlockWithoutRows(t *testing.T) {
	in := "\x01\x00\x01a\x16LowCardinality(String)"
	var got bytes.Buffer
	if err := Rewrite(&got, strings.NewReader(in), 54460, time.UTC); err != nil {
		t.Fatal(err)
	}
	want := "\x01\x00\x02\xff\xff\xff\xff\x00" + in + "\x00"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("rewritten differs (-want +got):\n%s", diff)
	}
}

// TestFailureOfTheSource demands that the blocks before it were copied and that its error is kept.
func TestFailureOfTheSource(t *testing.T) {
	block := "\x01\x02\x01a\x05UInt8\x07\x08"
	cause := errors.New("the engine has failed")
	for _, cut := range []int{0, 1, 5, len(block) - 1} {
		in := iotest.ErrReader(cause)
		var got bytes.Buffer
		err := Rewrite(&got, readers(block+block[:cut], in), 54405, time.UTC)
		if !errors.Is(err, cause) {
			t.Errorf("cut at %d: the error is %v, want %v", cut, err, cause)
		}
		if want := string(blockInfo) + block; !strings.HasPrefix(got.String(), want) {
			t.Errorf("cut at %d: copied %q, want %q first", cut, got.String(), want)
		}
	}
}

// FuzzRewrite demands that no bytes break it. They come from the engine, so that a wrong size may cost memory only
// as far as there are bytes.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte("\x01\x02\x01a\x05UInt8\x07\x08"))
	f.Add([]byte("\x01\x01\x01a\x16LowCardinality(String)\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(append([]byte("\x01\x01\x01a\x0dArray(String)"), binary.LittleEndian.AppendUint64(nil, 1<<62)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("Variant")) || bytes.Contains(data, []byte("Dynamic")) || bytes.Contains(data, []byte("JSON")) {
			t.Skip("clickhouse-go decodes these")
		}
		var got bytes.Buffer
		if err := Rewrite(&got, bytes.NewReader(data), 54460, time.UTC); err == nil && len(data) > 0 && got.Len() < len(data) {
			t.Errorf("%d bytes became %d", len(data), got.Len())
		}
	})
}

func BenchmarkRewriteStrings(b *testing.B) {
	var block chproto.Buffer
	block.PutUVarInt(1)
	block.PutUVarInt(65536)
	block.PutString("a")
	block.PutString("String")
	for i := range 65536 {
		block.PutString(fmt.Sprintf("value %d", i))
	}
	b.SetBytes(int64(len(block.Buf)))
	for b.Loop() {
		var out bytes.Buffer
		if err := Rewrite(&out, bytes.NewReader(block.Buf), 54460, time.UTC); err != nil {
			b.Fatal(err)
		}
	}
}

func readers(s string, next io.Reader) io.Reader { return io.MultiReader(strings.NewReader(s), next) }

func TestTypes(t *testing.T) {
	for name, want := range map[string]kind{
		"Tuple(`a, (b` Int8, `c d` Map(String, UInt8))": tuple{[]kind{fixed(1), array{tuple{[]kind{text{}, fixed(1)}}}}},
		"Nested(a Int8, b String)":                      array{tuple{[]kind{fixed(1), text{}}}},
		"LowCardinality(Nullable(FixedString(3)))":      lowCardinality{fixed(3)},
		"Decimal(38, 4)":                                fixed(16),
		"Ring":                                          array{tuple{[]kind{fixed(8), fixed(8)}}},
		"Enum16('a' = 1)":                               fixed(2),
		"Array(Nothing)":                                array{fixed(1)},
	} {
		got, err := parseType(name)
		if err != nil || !cmp.Equal(want, got, cmp.AllowUnexported(tuple{}, array{}, lowCardinality{}, text{})) {
			t.Errorf("%s is %#v (%v), want %#v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "JSON", "AggregateFunction(sum, Int8)", "Array(Dynamic)", "Nullable", "FixedString(x)", "Decimal"} {
		if got, err := parseType(name); err == nil {
			t.Errorf("%q is %#v, want an error", name, got)
		}
	}
}
