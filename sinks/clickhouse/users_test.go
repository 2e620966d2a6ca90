package clickhouse_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/event"
	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/migratedtest"
)

// crowd are users of a partition, with facts of all lengths and any bytes.
func crowd(partition uint16, users int, version uint64) *worker.UserRows {
	r := &worker.UserRows{Partition: partition}
	for i := range users {
		r.UserID = append(r.UserID, fmt.Sprintf("user-%d-%d", partition, i))
		r.Facts = append(r.Facts, strings.Repeat(string(rune(i%300)), i%200)+"\r\n__exception__\r\n")
		r.LastSeen, r.Version = append(r.LastSeen, int64(i)), append(r.Version, version+uint64(i))
		r.EnteredAt, r.CohortStart = append(r.EnteredAt, []int64{1}), append(r.CohortStart, []time.Time{time.Unix(0, 0).UTC()})
		r.Segments, r.ReachedAt, r.Steps = append(r.Segments, []map[string]string{{}}), append(r.ReachedAt, []int64{1}), append(r.Steps, []uint64{1})
		r.StepTimes, r.Excluded = append(r.StepTimes, nil), append(r.Excluded, false)
	}
	return r
}

// rowByRow is a connection that reads nothing but rows, as one over the native protocol.
type rowByRow struct{ clickhouse.Conn }

// TestUsersByColumnAndByRow: users are the same however they are read: the newest of each, of the partitions asked for.
func TestUsersByColumnAndByRow(t *testing.T) {
	conn, database := migratedtest.Database(t)
	numbers := clickhouse.NewStore(conn, database).In(7)
	for _, rows := range []*worker.UserRows{crowd(0, 3000, 1), crowd(1, 70_000, 1), crowd(2, 500, 1), crowd(0, 2000, 10_000)} {
		if err := numbers.WriteUsers(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
	}
	read := func(conn clickhouse.Conn, partitions ...uint16) map[string]string {
		t.Helper()
		got := map[string]string{}
		err := clickhouse.NewStore(conn, database).In(7).LoadUsers(t.Context(), partitions, func(p uint16, id, facts []byte, version uint64) error {
			if _, twice := got[string(id)]; twice {
				return fmt.Errorf("%s was read twice", id)
			}
			got[string(id)] = fmt.Sprintf("%d %q %d", p, facts, version)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	byColumn, byRow := read(conn, 0, 1), read(rowByRow{conn}, 0, 1)
	if len(byColumn) != 73_000 || !maps.Equal(byColumn, byRow) {
		t.Errorf("%d users are read by column and %d by row, want the same 73,000", len(byColumn), len(byRow))
	}
	if want := fmt.Sprintf("0 %q 10007", strings.Repeat(string(rune(7)), 7)+"\r\n__exception__\r\n"); byColumn["user-0-7"] != want {
		t.Errorf("the user written twice is %s, want %s", byColumn["user-0-7"], want)
	}
	var page []string
	take := func(id, _ []byte, _ uint64) error { page = append(page, string(id)); return nil }
	if err := numbers.PageUsers(t.Context(), worker.Page{Partition: 0, Above: "user-0-10", UpTo: "user-0-1002", Limit: 3}, take); err != nil {
		t.Fatal(err)
	}
	if want := []string{"user-0-100", "user-0-1000", "user-0-1001"}; !slices.Equal(page, want) {
		t.Errorf("a page of three users is %q, want %q", page, want)
	}
	if none := read(conn, 3); len(none) != 0 {
		t.Errorf("%d users are read of a partition without any", len(none))
	}
}

// TestUsersAreReadByName: users are found by id, whatever it holds and however many are asked for at once, and by the beginning of their
// tokens; nobody else is read, and each as it was written last.
func TestUsersAreReadByName(t *testing.T) {
	conn, database := migratedtest.Database(t)
	numbers := clickhouse.NewStore(conn, database).In(7)
	odd := crowd(1, 4, 5)
	odd.UserID = []string{"it's", `back\slash`, "two\n\nlines", "zero\x00byte ') OR 1 = 1 --"}
	for _, rows := range []*worker.UserRows{crowd(0, 30_000, 1), crowd(1, 30_000, 1), crowd(0, 500, 200_000), odd} {
		if err := numbers.WriteUsers(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		named []worker.Named
		want  int
	}{
		"nobody":        {[]worker.Named{{Partition: 0, IDs: []string{"nobody", "user-1-7", "it's"}}, {Partition: 2, IDs: []string{"user-1-7"}}}, 0},
		"two":           {[]worker.Named{{Partition: 0, IDs: []string{"user-0-7"}}, {Partition: 1, IDs: []string{"user-1-29999"}}}, 2},
		"odd ids":       {[]worker.Named{{Partition: 1, IDs: odd.UserID}}, 4},
		"by token":      {[]worker.Named{{Partition: 1, Tokens: []string{event.Token("it's"), event.Token("user-1-7")[:15]}}}, 2},
		"both":          {[]worker.Named{{Partition: 1, IDs: []string{"user-1-8"}, Tokens: []string{event.Token("user-1-7")}}}, 2},
		"all of two":    {[]worker.Named{{Partition: 0, IDs: crowd(0, 30_000, 1).UserID}, {Partition: 1, IDs: crowd(1, 30_000, 1).UserID}}, 60_000},
		"id and token":  {[]worker.Named{{Partition: 1, IDs: []string{"user-1-7"}, Tokens: []string{event.Token("user-1-7")}}}, 1},
		"of many":       {scattered(99), 2},
		"none is named": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, conn := range []clickhouse.Conn{conn, rowByRow{conn}} {
				got := map[string]uint64{}
				err := clickhouse.NewStore(conn, database).In(7).ReadUsers(t.Context(), c.named, func(_ uint16, id, _ []byte, version uint64) error {
					got[string(id)] = version
					return nil
				})
				if err != nil || len(got) != c.want {
					t.Fatalf("%d users are read, want %d: %v", len(got), c.want, err)
				}
				if v, read := got["user-0-7"]; read && v != 200_007 {
					t.Errorf("the user written twice is read as of %d", v)
				}
			}
		})
	}
}

// scattered names a user of each of so many partitions.
func scattered(partitions int) (named []worker.Named) {
	for p := range partitions {
		named = append(named, worker.Named{Partition: uint16(p), IDs: []string{fmt.Sprintf("user-%d-11", p)}})
	}
	return named
}

// TestLoadingUsersEnds: an error of who takes the users ends reading, and is returned.
func TestLoadingUsersEnds(t *testing.T) {
	conn, database := migratedtest.Database(t)
	numbers := clickhouse.NewStore(conn, database).In(7)
	if err := numbers.WriteUsers(t.Context(), crowd(0, 30_000, 1)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []clickhouse.Conn{conn, rowByRow{conn}} {
		n := 0
		err := clickhouse.NewStore(c, database).In(7).LoadUsers(t.Context(), []uint16{0}, func(uint16, []byte, []byte, uint64) error {
			if n++; n == 10 {
				return context.DeadlineExceeded
			}
			return nil
		})
		if n != 10 || err == nil || !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
			t.Errorf("%d users were handed out, and the error is %v", n, err)
		}
	}
}

// BenchmarkLoadUsers is what reading users costs, with the engine on the same machine.
func BenchmarkLoadUsers(b *testing.B) {
	conn, database := migratedtest.Database(b)
	numbers := clickhouse.NewStore(conn, database).In(7)
	const partitions, users = 16, 10_000
	var ids []uint16
	for p := range uint16(partitions) {
		ids = append(ids, p)
		if err := numbers.WriteUsers(b.Context(), crowd(p, users, 1)); err != nil {
			b.Fatal(err)
		}
	}
	for name, c := range map[string]clickhouse.Conn{"by column": conn, "by row": rowByRow{conn}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				err := clickhouse.NewStore(c, database).In(7).LoadUsers(b.Context(), ids, func(uint16, []byte, []byte, uint64) error { n++; return nil })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/user")
		})
	}
}
