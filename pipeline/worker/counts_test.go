package worker_test

import (
	"strings"
	"time"

	"pgregory.net/rapid"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/scenario"
	"firstlight/pipeline/worker"
	"firstlight/pipeline/worker/memstore"
)

// countsEqualViews holds what the store in memory counts of the engine's rows against the engine's views: what the cases in memory
// compare with the oracle is then what users read.
func (h *harness) countsEqualViews(rt *rapid.T, c *catalog.Catalog, views map[string][]oracle.Row) {
	h.t.Helper()
	got := h.inMemory(c).Counts()
	for view, rows := range views {
		if memstore.Columns[strings.TrimSuffix(view, "_segments")] == nil {
			continue
		}
		for _, problem := range scenario.CompareRows(view, counted(view, rows), rowsOf(got[view])) {
			rt.Errorf("counted in memory: %s", problem)
		}
	}
}

// inMemory copies the engine's rows into a store in memory.
func (h *harness) inMemory(c *catalog.Catalog) *memstore.Store {
	h.t.Helper()
	s := &memstore.Store{}
	must := func(err error) {
		if err != nil {
			h.t.Fatal(err)
		}
	}
	ctx := h.t.Context()
	generation, err := s.Begin(ctx, time.Now())
	must(err)
	must(s.WriteAgeEdges(ctx, cohort.AgeEdges))
	n := s.In(generation)
	must(n.SaveCatalog(ctx, c, time.Now()))
	for _, r := range h.cellsInForce() {
		must(n.WriteCells(ctx, &worker.CellRows{
			Kind: one[string](r["kind"]), Name: one[string](r["name"]), Segment: one[string](r["segment"]), Value: one[string](r["segment_value"]), Window: one[string](r["window"]),
			CohortStart: one[time.Time](r["cohort_start"]), Day: one[time.Time](r["day"]), Stage: []uint8{uint8(r["stage"].(uint64))},
			Bucket: one[time.Time](r["bucket"]), BucketEnd: one[time.Time](r["bucket_end"]),
			N: one[int64](r["n"]), Active: one[int64](r["active"]), Adopters: one[int64](r["adopters"]), NewAdopters: one[int64](r["new_adopters"]),
			Ages: one[[]uint16](r["ages"]), Counts: one[[]uint64](r["counts"]), Sums: one[[]uint64](r["sums"]),
			Partition: uint16(r["partition"].(uint64)), Version: r["version"].(uint64),
		}))
	}
	for _, r := range h.inForce("users") {
		starts := r["cohort_start"].([]time.Time)
		for i := range starts {
			starts[i] = starts[i].UTC()
		}
		must(n.WriteUsers(ctx, &worker.UserRows{
			UserID: one[string](r["user_id"]), Facts: one[string](r["facts"]), LastSeen: one[int64](r["last_seen"]), EnteredAt: one[[]int64](r["entered_at"]),
			CohortStart: [][]time.Time{starts}, Segments: one[[]map[string]string](r["segments"]), ReachedAt: one[[]int64](r["reached_at"]),
			Steps: one[[]uint64](r["steps"]), StepTimes: one[[][]int64](r["step_times"]), Excluded: one[bool](r["excluded"]),
			Version: one[uint64](r["version"]), Partition: uint16(r["partition"].(uint64)),
		}))
	}
	for _, r := range h.inForce("forgotten") {
		must(n.WriteForgotten(ctx, []worker.Forgotten{{
			Partition: uint16(r["partition"].(uint64)), Token: r["token"].(string), Sequence: r["sequence"].(uint64), Facts: r["facts"].(string), Version: uint8(r["version"].(uint64)),
		}}))
	}
	voices, err := h.query("SELECT s.* FROM `" + h.database + "`.said AS s FINAL WHERE (stream_created, partitions) IN (SELECT stream_created, partitions FROM `" + h.database + "`.checkpoints WHERE generation = (SELECT max(generation) FROM `" + h.database + "`.generations))")
	must(err)
	for _, r := range voices {
		must(n.WriteVoices(ctx, []worker.Voice{{
			Definition: r["definition"].(string), StreamCreated: r["stream_created"].(int64), Partitions: uint16(r["partitions"].(uint64)), Partition: uint16(r["partition"].(uint64)), Sequence: r["sequence"].(uint64), Name: r["voice"].(string), UserID: r["user_id"].(string), At: r["at"].(int64), Text: r["text"].(string),
		}}))
	}
	for _, r := range h.inForce("calendar") {
		must(n.WriteCalendar(ctx, map[calendar.Day]int64{calendar.FromDate(r["day"].(time.Time).Date()): r["start"].(time.Time).Unix()}))
	}
	for _, r := range h.inForce("progress") {
		must(n.WriteProgress(ctx, time.Now(), []worker.Progress{{Partition: uint16(r["partition"].(uint64)), AsOf: r["as_of"].(int64)}}))
	}
	return s
}

func one[T any](v any) []T { return []T{v.(T)} }

// cellsInForce are the cells of what is in force, each under the generation in which its definition was taken up.
func (h *harness) cellsInForce() []oracle.Row {
	h.t.Helper()
	rows, err := h.query(strings.ReplaceAll(`WITH assumeNotNull((SELECT max(generation) FROM {db}.generations)) AS g,
			assumeNotNull((SELECT max(catalog_version) FROM {db}.catalogs WHERE generation = g)) AS newest
		SELECT * FROM {db}.cells FINAL
		WHERE multiIf(
			kind = 'volume', generation = (SELECT if(volumes = 0, g, volumes) FROM {db}.catalogs FINAL WHERE catalog_version = newest),
			kind = 'entry', (generation, name) IN (SELECT if(cohort_cells = 0, g, cohort_cells), cohort FROM {db}.metrics WHERE catalog_version = newest
				UNION ALL SELECT if(cells = 0, g, cells), cohort FROM {db}.experiments WHERE catalog_version = newest),
			(generation, name) IN (SELECT if(cells = 0, g, cells), metric FROM {db}.metrics WHERE catalog_version = newest
				UNION ALL SELECT if(cells = 0, g, cells), cell FROM {db}.experiments WHERE catalog_version = newest))`, "{db}", "`"+h.database+"`"))
	if err != nil {
		h.t.Fatal(err)
	}
	return rows
}

// inForce are the rows of a table in the generation in force.
func (h *harness) inForce(table string) []oracle.Row {
	h.t.Helper()
	rows, err := h.query("SELECT * FROM `" + h.database + "`." + table + " FINAL WHERE generation = (SELECT max(generation) FROM `" + h.database + "`.generations)")
	if err != nil {
		h.t.Fatal(err)
	}
	return rows
}
