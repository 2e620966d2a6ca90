// Package judge holds what a chaos run has left behind against the oracle: every number of every view, the account of every message,
// and the dead letters.
package judge

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/cohort"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/scenario"
	"firstlight/pipeline/stream"
)

// Run is what is judged.
type Run struct {
	JS         jetstream.JetStream
	DB         driver.Conn
	Database   string
	Stream     string
	Catalog    []byte
	Partitions int
	Letters    *Letters
}

// Verdict is what was compared, and how it differs.
type Verdict struct {
	Messages, Views, Rows int
	Letters               int // that the oracle asks for
	LettersDeleted        int // of them, those that were deleted with their stream before anybody saw them
	Differences           []string
}

// Judge compares. Nothing may be written meanwhile.
func (r *Run) Judge(ctx context.Context) (*Verdict, error) {
	messages, err := r.messages(ctx)
	if err != nil {
		return nil, err
	}
	asOf, err := r.asOf(ctx)
	if err != nil {
		return nil, err
	}
	bucket := func(ms int64) int { return int(cohort.AgeBucket(ms)) }
	partitionOf := func(subject string) int { return stream.Partition(subject, r.Partitions) }
	want, err := oracle.ComputeWith(oracle.Options{Bucket: bucket}, r.Catalog, messages, partitionOf, asOf)
	if err != nil {
		return nil, fmt.Errorf("ask the oracle: %w", err)
	}
	v := &Verdict{Messages: len(messages)}
	if newest := newest(messages); !newest.Equal(asOf) {
		v.differ("as_of is %s, the newest message was received at %s", asOf, newest)
	}
	if err := r.views(ctx, v, &want); err != nil {
		return nil, err
	}
	if err := r.accounts(ctx, v, want.Accounts); err != nil {
		return nil, err
	}
	for _, a := range want.Accounts {
		v.Letters += len(a.Letters)
	}
	deleted, problems, err := r.Letters.compare(ctx, want.Accounts)
	if err != nil {
		return nil, err
	}
	v.LettersDeleted, v.Differences = deleted, append(v.Differences, problems...)
	return v, nil
}

func (v *Verdict) differ(format string, args ...any) {
	v.Differences = append(v.Differences, fmt.Sprintf(format, args...))
}

// messages reads all that the stream holds.
func (r *Run) messages(ctx context.Context) (all []oracle.Message, err error) {
	s, err := r.JS.Stream(ctx, r.Stream)
	if err != nil {
		return nil, fmt.Errorf("read the stream back: %w", err)
	}
	err = each(ctx, s, func(m jetstream.Msg, meta *jetstream.MsgMetadata) {
		header := map[string]string{}
		for name, values := range m.Headers() {
			header[name] = values[0]
		}
		all = append(all, oracle.Message{Subject: m.Subject(), Header: header, Stored: meta.Timestamp, Sequence: meta.Sequence.Stream, Data: m.Data()})
	})
	return all, err
}

// each calls f for every message of a stream.
func each(ctx context.Context, s jetstream.Stream, f func(jetstream.Msg, *jetstream.MsgMetadata)) error {
	info, err := s.Info(ctx)
	if err != nil {
		return fmt.Errorf("read the stream back: %w", err)
	}
	if info.State.Msgs == 0 {
		return nil
	}
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return fmt.Errorf("read the stream %s back: %w", info.Config.Name, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("read the stream %s back: %w", info.Config.Name, err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("read the stream %s back: %w", info.Config.Name, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read the stream %s back: %w", info.Config.Name, err)
		}
		f(m, meta)
		if meta.Sequence.Stream >= info.State.LastSeq {
			return nil
		}
	}
}

func newest(messages []oracle.Message) (at time.Time) {
	for _, m := range messages {
		if t, err := time.Parse(time.RFC3339, m.Header[oracle.ReceivedAt]); err == nil && t.After(at) {
			at = t
		}
	}
	return at
}

func (r *Run) asOf(ctx context.Context) (time.Time, error) {
	rows, err := r.rows(ctx, "SELECT as_of FROM `"+r.Database+"`.metric_status LIMIT 1")
	if err != nil {
		return time.Time{}, err
	}
	if len(rows) != 1 {
		return time.Time{}, fmt.Errorf("the view metric_status of %s has no row", r.Database)
	}
	return rows[0]["as_of"].(time.Time), nil
}

// otherViews hold no numbers that the oracle computes.
var otherViews = map[string]bool{"metric_catalog": true, "pipeline_progress": true, "anomalies": true, "anomaly_log": true, "annotations": true, "incidents": true, "alerts": true}

// views holds all views with numbers against the oracle.
func (r *Run) views(ctx context.Context, v *Verdict, want *oracle.Result) error {
	names, err := r.rows(ctx, "SELECT name FROM system.tables WHERE database = '"+r.Database+"' AND engine = 'View' ORDER BY name")
	if err != nil {
		return err
	}
	for _, row := range names {
		name := row["name"].(string)
		if otherViews[name] {
			continue
		}
		got, err := r.rows(ctx, "SELECT * FROM `"+r.Database+"`."+name)
		if err != nil {
			return err
		}
		v.Views, v.Rows = v.Views+1, v.Rows+len(got)
		v.Differences = append(v.Differences, scenario.CompareRows(name, want.Views[name], got)...)
		delete(want.Views, name)
	}
	for _, name := range slices.Sorted(maps.Keys(want.Views)) {
		if !otherViews[name] {
			v.differ("%s: there is no such view", name)
		}
	}
	return nil
}

// accounts holds the account of every partition against the oracle, to the message.
func (r *Run) accounts(ctx context.Context, v *Verdict, want []oracle.Account) error {
	got, err := r.rows(ctx, "SELECT * FROM `"+r.Database+"`.pipeline_progress ORDER BY partition")
	if err != nil {
		return err
	}
	if len(got) != len(want) {
		v.differ("pipeline_progress has %d partitions, want %d", len(got), len(want))
		return nil
	}
	for i, a := range want {
		row := got[i]
		was := fmt.Sprint(row["partition"], row["received"], row["applied"], row["ignored"], row["clamped"], row["missed"], row["dead"], row["lag"], row["arrival_clock"])
		wanted := fmt.Sprint(a.Partition, a.Received, a.Applied, a.Ignored, a.Clamped, 0, a.Dead, 0, a.ArrivalClock.UTC())
		if was != wanted {
			v.differ("pipeline_progress: partition, received, applied, ignored, clamped, missed, dead, lag, clock are %s, want %s", was, wanted)
		}
	}
	return nil
}

// Applied is how far each partition is stored.
func (r *Run) Applied(ctx context.Context) (map[int]uint64, error) {
	rows, err := r.rows(ctx, "SELECT partition, applied_seq FROM `"+r.Database+"`.pipeline_progress")
	if err != nil {
		return nil, err
	}
	applied := map[int]uint64{}
	for _, row := range rows {
		applied[int(row["partition"].(uint64))] = row["applied_seq"].(uint64)
	}
	return applied, nil
}

// Holders is who holds each partition.
func (r *Run) Holders(ctx context.Context) (names []string, err error) {
	rows, err := r.rows(ctx, "SELECT worker FROM `"+r.Database+"`.pipeline_progress")
	for _, row := range rows {
		names = append(names, row["worker"].(string))
	}
	return names, err
}

// Received is how many messages are counted.
func (r *Run) Received(ctx context.Context) (uint64, error) {
	rows, err := r.rows(ctx, "SELECT sum(received) AS received FROM `"+r.Database+"`.pipeline_progress")
	if err != nil {
		return 0, err
	}
	return rows[0]["received"].(uint64), nil
}

// Behind is how many messages partitions say they lag behind, and whether as_of is not that of the newest event yet.
func (r *Run) Behind(ctx context.Context) (lag uint64, behind bool, err error) {
	rows, err := r.rows(ctx, "SELECT sum(lag) AS lag, max(arrival_clock) AS newest FROM `"+r.Database+"`.pipeline_progress")
	if err != nil {
		return 0, false, err
	}
	asOf, err := r.asOf(ctx)
	if err != nil {
		return 0, false, err
	}
	newest, _ := rows[0]["newest"].(time.Time) // there is none before the first event
	return rows[0]["lag"].(uint64), !asOf.Equal(newest), nil
}

// rows asks ClickHouse.
func (r *Run) rows(ctx context.Context, sql string) (all []oracle.Row, err error) {
	rows, err := r.DB.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("ask ClickHouse %s: %w", sql, err)
	}
	defer rows.Close()
	types := rows.ColumnTypes()
	for rows.Next() {
		into := make([]any, len(types))
		for i, c := range types {
			into[i] = reflect.New(c.ScanType()).Interface()
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("ask ClickHouse %s: %w", sql, err)
		}
		row := oracle.Row{}
		for i, c := range types {
			row[c.Name()] = plain(reflect.ValueOf(into[i]).Elem())
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ask ClickHouse %s: %w", sql, err)
	}
	return all, nil
}

// plain turns a scanned value into one that the oracle's rows hold.
func plain(v reflect.Value) any {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		return v.Interface().(time.Time).UTC()
	case v.CanUint():
		return v.Uint()
	case v.CanInt():
		return v.Int()
	case v.CanFloat():
		return v.Float()
	case v.Kind() == reflect.String:
		return v.String()
	}
	return v.Interface()
}
