package clickhouse_test

import (
	"maps"
	"testing"

	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/migratedtest"
)

// TestLayouts: layouts of any bytes are read as they were written, each once however often that was, by whatever generation.
func TestLayouts(t *testing.T) {
	conn, database := migratedtest.Database(t)
	store := clickhouse.NewStore(conn, database)
	want := map[uint64]string{0: "", 1 << 63: "\x00\xff'\\\n", 7: "seven"}
	for range 2 {
		for name, text := range want {
			if err := store.WriteLayout(t.Context(), name, text); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := map[uint64]string{}
	err := store.LoadLayouts(t.Context(), func(name uint64, text string) error {
		if _, twice := got[name]; twice {
			t.Errorf("the layout %x comes twice", name)
		}
		got[name] = text
		return nil
	})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("the layouts are %v (%v), want %v", got, err, want)
	}
}
