package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"firstlight/cmd/firstlight/health"
	"firstlight/sinks/clickhouse"
)

func statusCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "status",
		Short: "Show lag, watermark and dead letters per partition, and selectors that fail",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return usagef("--format is %q: write table or json", format)
			}
			return runStatus(cmd.Context(), format, cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&format, "format", "table", "table or json")
	return c
}

// status is what status shows; its JSON is for programs.
type status struct {
	AsOf             *time.Time        `json:"as_of"`      // received time up to which all partitions have applied the stream
	UpdatedAt        *time.Time        `json:"updated_at"` // when a worker last reported
	Lag              uint64            `json:"lag"`
	Partitions       []partitionStatus `json:"partitions"`
	Misrouted        uint64            `json:"misrouted"` // events under a token that is not that of their user
	SelectorFailures map[string]uint64 `json:"selector_failures"`
	Caps             map[string]uint64 `json:"caps"`
	Building         []buildingStatus  `json:"building,omitempty"`
	Wrong            []string          `json:"wrong,omitempty"` // why the worker of this data directory or FIRSTLIGHT_HTTP_ADDR is not ready
	Notes            []string          `json:"notes,omitempty"` // what it says besides
}

// buildingStatus is a metric whose new definition is being computed.
type buildingStatus struct {
	Metric   string  `json:"metric"`
	Progress float64 `json:"progress"` // share of the stream that was read for it
}

type partitionStatus struct {
	Partition    uint16            `json:"partition"`
	AppliedSeq   uint64            `json:"applied_seq"`
	StreamSeq    uint64            `json:"stream_seq"`
	Lag          uint64            `json:"lag"`
	ArrivalClock *time.Time        `json:"arrival_clock"`
	Watermark    *time.Time        `json:"watermark"`
	Received     uint64            `json:"received"`
	Applied      uint64            `json:"applied"`
	Ignored      uint64            `json:"ignored"`
	Missed       uint64            `json:"missed"` // of the stream as a whole, in the first partition
	Clamped      uint64            `json:"clamped"`
	Dead         map[string]uint64 `json:"dead"`
	Worker       string            `json:"worker"` // that holds it, or held it last
	UpdatedAt    time.Time         `json:"updated_at"`
}

func runStatus(ctx context.Context, format string, w io.Writer) error {
	s, err := loadSettings()
	if err != nil {
		return err
	}
	b := &backends{settings: s, log: s.logger()}
	defer b.close()
	if err := b.openClickHouse(ctx, false); err != nil {
		return err
	}
	st, err := b.readStatus(ctx)
	if err != nil {
		return fmt.Errorf("read the status: %w", err)
	}
	if said := b.readiness(ctx); said != nil {
		st.Wrong, st.Notes = said.Wrong, said.Notes
	}
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(st)
	}
	st.print(w, time.Now())
	return nil
}

func (b *backends) readStatus(ctx context.Context) (*status, error) {
	st := &status{Partitions: []partitionStatus{}, SelectorFailures: map[string]uint64{}, Caps: map[string]uint64{}}
	rows, err := b.conn.Query(ctx, "SELECT partition, applied_seq, stream_seq, lag, arrival_clock, watermark, received, applied, ignored, missed, clamped, dead, worker, updated_at FROM `"+
		b.settings.Database+"`.pipeline_progress ORDER BY partition")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p partitionStatus
		err := rows.Scan(&p.Partition, &p.AppliedSeq, &p.StreamSeq, &p.Lag, &p.ArrivalClock, &p.Watermark, &p.Received, &p.Applied, &p.Ignored, &p.Missed, &p.Clamped, &p.Dead, &p.Worker, &p.UpdatedAt)
		if err != nil {
			return nil, err
		}
		st.Lag += p.Lag
		if st.UpdatedAt == nil || p.UpdatedAt.After(*st.UpdatedAt) {
			st.UpdatedAt = &p.UpdatedAt
		}
		st.Partitions = append(st.Partitions, p)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if err := st.addBuilding(ctx, b); err != nil {
		return nil, err
	}
	return st, st.addAccounts(ctx, clickhouse.NewStore(b.conn, b.settings.Database))
}

// addBuilding adds the metrics that are being computed.
func (st *status) addBuilding(ctx context.Context, b *backends) error {
	rows, err := b.conn.Query(ctx, "SELECT metric, progress FROM `"+b.settings.Database+"`.metric_catalog WHERE state = 'building'")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var m buildingStatus
		if err := rows.Scan(&m.Metric, &m.Progress); err != nil {
			return err
		}
		st.Building = append(st.Building, m)
	}
	return rows.Err()
}

// addAccounts adds what no view shows.
func (st *status) addAccounts(ctx context.Context, store *clickhouse.Store) error {
	checkpoints, err := store.Checkpoints(ctx)
	if err != nil {
		return err
	}
	for _, c := range checkpoints {
		st.Misrouted += c.Misrouted
		for selector, n := range c.Failures {
			st.SelectorFailures[selector] += n
		}
		for name, n := range c.Capped {
			st.Caps[name] += n
		}
	}
	asOf, err := store.AsOf(ctx)
	if err != nil || len(asOf) == 0 {
		return err
	}
	if least := slices.Min(slices.Collect(maps.Values(asOf))); least > 0 {
		at := time.UnixMilli(least).UTC()
		st.AsOf = &at
	}
	return nil
}

// quiet is how long a running worker never is without a report.
const quiet = 5 * time.Second

// readiness is what the worker that can be asked here says of itself, nil when there is none.
func (b *backends) readiness(ctx context.Context) *health.Answer {
	listen := b.settings.HTTPAddr
	if b.peer != nil {
		listen = b.peer.HTTP
	}
	addr, err := loopback(listen)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return nil
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	said := &health.Answer{}
	if json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(said) != nil {
		return nil // somebody else listens there
	}
	return said
}

// print writes the status for people. now is only for how long ago things were.
func (st *status) print(w io.Writer, now time.Time) {
	if len(st.Partitions) == 0 {
		fmt.Fprintln(w, "Nothing was processed yet: start firstlight run.")
		return
	}
	fmt.Fprintf(w, "as of %s, lag %s\n", when(st.AsOf), count(int(st.Lag), "message"))
	if age := now.Sub(*st.UpdatedAt); age > quiet {
		fmt.Fprintf(w, "No worker has reported for %s: what was published since is not in these figures.\n", age.Round(time.Second))
	}
	for _, line := range st.Wrong {
		fmt.Fprintln(w, "Not ready:", line)
	}
	for _, line := range st.Notes {
		fmt.Fprintln(w, line)
	}
	for _, m := range st.Building {
		fmt.Fprintf(w, "%s is new or changed, and being computed: %.0f %% of the stream is read\n", m.Metric, 100*m.Progress)
	}
	st.printWorkers(w, now)
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "partition\tlag\tapplied_seq\tstream_seq\twatermark\treceived\tapplied\tignored\tmissed\tclamped\tdead\tworker\t")
	for _, p := range st.Partitions {
		fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t\n", p.Partition, p.Lag, p.AppliedSeq, p.StreamSeq, when(p.Watermark),
			p.Received, p.Applied, p.Ignored, p.Missed, p.Clamped, total(p.Dead), p.Worker)
	}
	_ = t.Flush()
	dead := map[string]uint64{}
	for _, p := range st.Partitions {
		for reason, n := range p.Dead {
			dead[reason] += n
		}
	}
	printCounts(w, "Dead letters by reason", dead)
	if st.Misrouted > 0 {
		fmt.Fprintf(w, "\n%s under a token that is not that of the user: firstlight check --live names the sources that publish so.\n", count(int(st.Misrouted), "event"))
	}
	printCounts(w, "Selectors whose where failed", st.SelectorFailures)
	printCounts(w, "Caps that took effect", st.Caps)
}

// printWorkers says which worker holds what, as far as workers have reported lately.
func (st *status) printWorkers(w io.Writer, now time.Time) {
	held := map[string][]string{}
	for _, p := range st.Partitions {
		name := p.Worker
		if now.Sub(p.UpdatedAt) > quiet {
			name = ""
		}
		held[name] = append(held[name], strconv.Itoa(int(p.Partition)))
	}
	for _, name := range slices.Sorted(maps.Keys(held)) {
		line := fmt.Sprintf("worker %s holds %s: %s", name, count(len(held[name]), "partition"), strings.Join(held[name], ", "))
		if name == "" {
			if len(held) == 1 {
				return // that no worker has reported is said
			}
			line = fmt.Sprintf("No worker has reported lately of %s: %s", count(len(held[name]), "partition"), strings.Join(held[name], ", "))
		}
		fmt.Fprintln(w, line)
	}
	delete(held, "")
	if len(held) > 1 {
		fmt.Fprintln(w, "Each worker reads the whole stream and applies what is its own.")
	}
}

func printCounts(w io.Writer, title string, counts map[string]uint64) {
	if total(counts) == 0 {
		fmt.Fprintf(w, "\n%s: none\n", title)
		return
	}
	fmt.Fprintf(w, "\n%s:\n", title)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "%12d  %s\n", counts[name], strings.TrimSpace(name))
	}
}

func when(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}
