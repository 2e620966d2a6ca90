package clickhouse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/migratedtest"
)

// people are users of a partition, whose columns hold whatever they may.
func people(partition uint16, users int) *worker.UserRows {
	r := crowd(partition, users, 1)
	first := time.Unix(0, 0).UTC()
	shared := map[string]string{"plan": "pro", "country": "Österreich", "size": ""}
	for i := range users {
		r.LastSeen[i] = int64(-i)
		r.EnteredAt[i] = []int64{int64(i), 0, -1 << 62}[:i%4%3+i%2]
		r.CohortStart[i] = []time.Time{first.AddDate(0, 0, i), first}[:i%3]
		r.Segments[i] = [][]map[string]string{nil, {nil, shared}, {{"b": "2", "a": fmt.Sprint(i)}}}[i%3]
		r.ReachedAt[i], r.Steps[i] = nil, []uint64{1 << 63, uint64(i)}[i%3%2:]
		r.StepTimes[i] = [][][]int64{nil, {nil, {1, 2, int64(i)}}, {{}, {3}}, {nil}}[i%4]
		r.Excluded[i] = i%5 == 0
	}
	return r
}

// counted are cells of a partition, whose columns hold whatever they may.
func counted(partition uint16, cells int) *worker.CellRows {
	r := &worker.CellRows{Partition: partition, Version: uint64(partition) << 40}
	hour := time.Date(2024, 3, 31, 1, 0, 0, 0, time.UTC)
	for i := range cells {
		r.Kind, r.Name = append(r.Kind, []string{"entry", "reach"}[i/7%2]), append(r.Name, fmt.Sprintf("%c-%d", 'a'+partition, i/3%300))
		r.Segment, r.Value = append(r.Segment, []string{"", "plan"}[i%2]), append(r.Value, strings.Repeat("ü", i%200))
		r.Window = append(r.Window, []string{"7d/1d", "", "1h"}[i%3])
		r.CohortStart, r.Day = append(r.CohortStart, hour.AddDate(0, 0, i%500)), append(r.Day, hour.AddDate(1, 0, 0))
		r.Stage = append(r.Stage, uint8(i))
		r.Bucket, r.BucketEnd = append(r.Bucket, hour.Add(time.Duration(i)*time.Hour)), append(r.BucketEnd, hour.Add(time.Duration(i+1)*time.Hour))
		r.N, r.Active, r.Adopters, r.NewAdopters = append(r.N, int64(i)), append(r.Active, int64(-i)), append(r.Adopters, 1<<40), append(r.NewAdopters, 0)
		n := i % 5
		r.Ages, r.Counts, r.Sums = append(r.Ages, []uint16{1, 2, 3, 500, 65535}[:n]), append(r.Counts, []uint64{1, 1, 1, 7, 1 << 40}[:n]), append(r.Sums, []uint64{9, 8, 7, 6, 1 << 63}[:n])
	}
	return r
}

// TestRowsByBlockAndByColumn: what is stored is the same however it is written, over a connection that takes blocks or columns.
func TestRowsByBlockAndByColumn(t *testing.T) {
	conn, database := migratedtest.Database(t)
	cells := []*worker.CellRows{counted(1, 3), counted(2, 0), counted(3, 10_000), counted(4, 1)}
	cells[3].Generation = []uint32{5}
	users := []*worker.UserRows{people(1, 5000), people(2, 0), people(3, 4000)}
	read := func(conn clickhouse.Conn, generation uint32) []string {
		t.Helper()
		numbers := clickhouse.NewStore(conn, database).In(generation)
		if err := numbers.WriteCells(t.Context(), cells...); err != nil {
			t.Fatal(err)
		}
		if err := numbers.WriteUsers(t.Context(), users...); err != nil {
			t.Fatal(err)
		}
		if err := numbers.WriteUsers(t.Context(), people(9, 0)); err != nil {
			t.Error("no users at all:", err)
		}
		var all []string
		for _, table := range []string{"cells", "users"} {
			rows, err := conn.Query(t.Context(), fmt.Sprintf("SELECT toString(tuple(* EXCEPT generation)) FROM `%s`.%s FINAL WHERE generation IN (5, %d)", database, table, generation))
			if err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
				var row string
				if err := rows.Scan(&row); err != nil {
					t.Fatal(err)
				}
				all = append(all, row)
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(all)
		return all
	}
	byBlock, byColumn := read(conn, 7), read(rowByRow{conn}, 8)
	if want := 10_004 + 9000; len(byBlock) != want || len(byColumn) != want {
		t.Fatalf("%d rows are stored by block and %d by column, want %d", len(byBlock), len(byColumn), want)
	}
	for i := range byBlock {
		if byBlock[i] != byColumn[i] {
			t.Fatalf("a row is %s by block and %s by column", byBlock[i], byColumn[i])
		}
	}
	want := "(1,'user-1-1','\x01\\r\\n__exception__\\r\\n',-1,[1,0],['1970-01-02'],[{},{'country':'Österreich','plan':'pro','size':''}],[],[1],2,false,[[],[1,2,1]])"
	if _, found := slices.BinarySearch(byBlock, want); !found {
		t.Errorf("the row %q is not there", want)
	}
}

// TestRowsThatDoNotFit: a column of another type than is written is an error that names it.
func TestRowsThatDoNotFit(t *testing.T) {
	conn, database := migratedtest.Database(t)
	if err := conn.Exec(t.Context(), "ALTER TABLE `"+database+"`.users MODIFY COLUMN last_seen String"); err != nil {
		t.Fatal(err)
	}
	err := clickhouse.NewStore(rowByRow{conn}, database).In(7).WriteUsers(t.Context(), people(1, 10))
	if err == nil || !strings.Contains(err.Error(), "last_seen is of type String, and not Int64") {
		t.Errorf("the error is %v, want one that names last_seen", err)
	}
}

// TestAnInsertIsOnePart: however many blocks rows take, they become one part of the table, because parts are what ClickHouse has to merge.
func TestAnInsertIsOnePart(t *testing.T) {
	conn, database := migratedtest.Database(t)
	numbers := clickhouse.NewStore(conn, database).In(1)
	if err := conn.Exec(t.Context(), fmt.Sprintf("SYSTEM STOP MERGES `%s`.cells", database)); err != nil {
		t.Fatal(err)
	}
	for i, cells := range [][]*worker.CellRows{{counted(1, 10_000), counted(2, 10_000)}, {counted(3, 30_000)}} {
		if err := numbers.WriteCells(t.Context(), cells...); err != nil {
			t.Fatal(err)
		}
		var parts, rows uint64
		if err := conn.QueryRow(t.Context(), "SELECT count(), sum(rows) FROM system.parts WHERE active AND database = ? AND table = 'cells'", database).Scan(&parts, &rows); err != nil {
			t.Fatal(err)
		}
		if want := uint64(i + 1); parts != want {
			t.Errorf("after %d inserts the table has %d parts of %d rows, want %d", i+1, parts, rows, want)
		}
	}
}
