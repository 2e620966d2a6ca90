package page

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// table is a result. Its cells are nil, bool, float64, integers, text, maps of text: what JSON has. Days are written
// 2027-03-31, moments as RFC 3339 in UTC.
type table struct {
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
}

func readTable(rows driver.Rows) (*table, error) {
	types := rows.ColumnTypes()
	t := &table{Columns: rows.Columns(), Rows: [][]any{}}
	for rows.Next() {
		into := make([]any, len(types))
		for i, c := range types {
			into[i] = reflect.New(c.ScanType()).Interface()
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("read a row: %w", err)
		}
		for i, c := range types {
			into[i] = plain(reflect.ValueOf(into[i]).Elem(), c.DatabaseTypeName())
		}
		t.Rows = append(t.Rows, into)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return t, nil
}

// plain is the cell of a scanned value of a ClickHouse type.
func plain(v reflect.Value, kind string) any {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case time.Time:
		return moment(x, kind)
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
	}
	return v.Interface()
}

func moment(t time.Time, kind string) string {
	kind = strings.TrimPrefix(kind, "Nullable(")
	switch {
	case strings.HasPrefix(kind, "DateTime64"):
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	case strings.HasPrefix(kind, "DateTime"):
		return t.UTC().Format("2006-01-02T15:04:05Z")
	}
	return t.Format(time.DateOnly)
}

// cells writes a row as text for CSV: nothing for NULL.
func cells(row []any) []string {
	out := make([]string, len(row))
	for i, cell := range row {
		switch x := cell.(type) {
		case nil:
		case string:
			out[i] = x
		case float64:
			out[i] = strconv.FormatFloat(x, 'g', -1, 64)
		case map[string]string, map[string]uint64:
			text, _ := json.Marshal(x) // maps of text and numbers always are JSON
			out[i] = string(text)
		default:
			out[i] = fmt.Sprint(x)
		}
	}
	return out
}
