package answers

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Over the native protocol the client renders results, so only a few formats are to be had.

// rowWriter renders rows: names first, then each row, then the end.
type rowWriter interface {
	names([]string) error
	row([]any) error
	end() error
}

var nativeFormats = map[string]func(io.Writer) rowWriter{
	"TSV":          func(w io.Writer) rowWriter { return &tsv{w: w} },
	"TSVWithNames": func(w io.Writer) rowWriter { return &tsv{w: w, withNames: true} },
	"CSV":          func(w io.Writer) rowWriter { return &comma{w: csv.NewWriter(w)} },
	"CSVWithNames": func(w io.Writer) rowWriter { return &comma{w: csv.NewWriter(w), withNames: true} },
	"JSONEachRow":  func(w io.Writer) rowWriter { return &jsonLines{w: w} },
	"Pretty":       func(w io.Writer) rowWriter { return &table{w: tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)} },
}

// FormatError says that the native protocol has no such format.
type FormatError struct {
	Format string
	Known  []string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("over the native protocol the formats are %s: set CLICKHOUSE_URL to the server's http:// address for %s", strings.Join(e.Known, ", "), e.Format)
}

// Native is Write with the client rendering the result, over either protocol.
func Native(ctx context.Context, o *clickhouse.Options, database, sql, format string, w io.Writer) error {
	if format == "" {
		format = formatPipe
		if isTerminal(w) {
			format = "Pretty"
		}
	}
	make, known := nativeFormats[format]
	if !known {
		names := []string{}
		for name := range nativeFormats {
			names = append(names, name)
		}
		slices.Sort(names)
		return &FormatError{format, names}
	}
	o.Auth.Database = database
	conn, err := clickhouse.Open(o)
	if err != nil {
		return fmt.Errorf("connect to ClickHouse: %w", err)
	}
	defer conn.Close()
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	out := make(w)
	if err := render(rows, out); err != nil {
		_ = rows.Close() // the first error says more
		return err
	}
	return rows.Close()
}

func render(rows driver.Rows, out rowWriter) error {
	if len(rows.Columns()) > 0 {
		if err := out.names(rows.Columns()); err != nil {
			return err
		}
	}
	types := rows.ColumnTypes()
	for rows.Next() {
		into := make([]any, len(types))
		for i, t := range types {
			into[i] = reflect.New(t.ScanType()).Interface()
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i := range into {
			into[i] = value(reflect.ValueOf(into[i]).Elem(), types[i].DatabaseTypeName())
		}
		if err := out.row(into); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return out.end()
}

// value returns what a scanned value says: nil, a text or a number for JSON.
func value(v reflect.Value, of string) any {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	at, ok := v.Interface().(time.Time)
	switch {
	case !ok:
		return v.Interface()
	case strings.Contains(of, "DateTime64"):
		return at.Format("2006-01-02 15:04:05.000")
	case strings.Contains(of, "DateTime"):
		return at.Format(time.DateTime)
	}
	return at.Format(time.DateOnly)
}

// text writes a value as text; lists and maps as JSON.
func text(v any, null string) string {
	switch v := v.(type) {
	case nil:
		return null
	case string:
		return v
	}
	if kind := reflect.TypeOf(v).Kind(); kind == reflect.Map || kind == reflect.Slice {
		if data, err := json.Marshal(v); err == nil {
			return string(data)
		}
	}
	return fmt.Sprint(v)
}

type tsv struct {
	w         io.Writer
	withNames bool
}

var escapeTSV = strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`, "\b", `\b`, "\f", `\f`, "'", `\'`)

func (f *tsv) names(names []string) error {
	if !f.withNames {
		return nil
	}
	_, err := fmt.Fprintln(f.w, strings.Join(names, "\t"))
	return err
}

func (f *tsv) row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		if cells[i] = `\N`; v != nil {
			cells[i] = escapeTSV.Replace(text(v, ""))
		}
	}
	_, err := fmt.Fprintln(f.w, strings.Join(cells, "\t"))
	return err
}

func (f *tsv) end() error { return nil }

type comma struct {
	w         *csv.Writer
	withNames bool
}

func (f *comma) names(names []string) error {
	if !f.withNames {
		return nil
	}
	return f.w.Write(names)
}

func (f *comma) row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = text(v, `\N`)
	}
	return f.w.Write(cells)
}

func (f *comma) end() error {
	f.w.Flush()
	return f.w.Error()
}

type jsonLines struct {
	w       io.Writer
	columns []string
}

func (f *jsonLines) names(names []string) error {
	f.columns = names
	return nil
}

func (f *jsonLines) row(values []any) error {
	var b strings.Builder
	for i, v := range values {
		name, err := json.Marshal(f.columns[i])
		if err != nil {
			return err
		}
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		b.Write(name)
		b.WriteByte(':')
		b.Write(data)
	}
	_, err := fmt.Fprintln(f.w, b.String()+"}")
	return err
}

func (f *jsonLines) end() error { return nil }

type table struct{ w *tabwriter.Writer }

func (f *table) names(names []string) error {
	_, err := fmt.Fprintln(f.w, strings.Join(names, "\t"))
	return err
}

func (f *table) row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = strings.Map(func(r rune) rune {
			if r < ' ' {
				return ' '
			}
			return r
		}, text(v, "NULL"))
	}
	_, err := fmt.Fprintln(f.w, strings.Join(cells, "\t"))
	return err
}

func (f *table) end() error { return f.w.Flush() }
