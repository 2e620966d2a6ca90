package clickhouse_test

import (
	"fmt"
	"testing"
	"time"

	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/migratedtest"
)

// TestVoicesLeave: texts that are kept no longer are deleted from disk, by the clock of the stream, and so are those of a user beyond
// the newest 100 of a voice.
func TestVoicesLeave(t *testing.T) {
	conn, database := migratedtest.Database(t)
	s := clickhouse.NewStore(conn, database)
	if err := s.DropVoices(t.Context(), time.Hour); err != nil {
		t.Fatal("of an empty database: ", err)
	}
	generation, err := s.Begin(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	numbers := s.In(generation)
	asOf := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	var said []worker.Voice
	say := func(user, voice string, ago time.Duration) {
		n := len(said)
		said = append(said, worker.Voice{Definition: voice, Partition: uint16(n % 3), Sequence: uint64(n + 1), Name: voice, UserID: user, At: asOf.Add(-ago).UnixMilli(), Text: fmt.Sprint("it's ", n)})
	}
	for _, ago := range []time.Duration{0, 24 * time.Hour, 48*time.Hour - time.Millisecond, 48 * time.Hour, 1000 * time.Hour} {
		say("ann", "why", ago)
	}
	for i := range 110 {
		said = append(said, worker.Voice{Definition: "it's \\ odd", Sequence: uint64(1000 + i), Name: "so", UserID: "ben", At: asOf.Add(-time.Duration(i) * time.Minute).UnixMilli(), Text: "so"})
	}
	say("ben", "why", time.Hour)
	for range 2 {
		if err := numbers.WriteVoices(t.Context(), said); err != nil {
			t.Fatal(err)
		}
	}
	if err := numbers.WriteProgress(t.Context(), time.Now(), []worker.Progress{{AsOf: asOf.UnixMilli()}, {Partition: 1, AsOf: asOf.Add(time.Hour).UnixMilli()}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.DropVoices(t.Context(), 48*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	const want = "ann 3, ben 101"
	deadline := time.Now().Add(2 * time.Minute)
	for got := ""; got != want; {
		rows, err := conn.Query(t.Context(), "SELECT arrayStringConcat(arraySort(groupArray(concat(user_id, ' ', toString(n)))), ', ') FROM (SELECT user_id, count() AS n FROM `"+database+"`.said FINAL GROUP BY user_id)")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			if err := rows.Scan(&got); err != nil {
				t.Fatal(err)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if got != want && time.Now().After(deadline) {
			t.Fatalf("left are %s, want %s", got, want)
		}
	}
}
