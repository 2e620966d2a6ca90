// Package oracle computes every numeric view of the contract from the raw messages of the stream, in one
// batch, as plainly as possible. Tests compare the pipeline with it.
//
// It shares no code with the pipeline: JSON, catalog, expressions, calendar and statistics are written anew,
// for obviousness and not for speed. Ages and quantiles are exact, where the pipeline may be off by 1 %.
//
// Where the contract is silent it decides as the pipeline should: quantiles are of type 2 (Hyndman and Fan),
// Kaplan–Meier quantiles follow R's survfit, and no message is removed as a duplicate: that is the stream's work.
package oracle

import (
	"fmt"
	"sort"
	"time"
)

// ReceivedAt is the header that carries the received time of historical imports.
const ReceivedAt = "Firstlight-Received-At"

// Message is one stored message of the stream.
type Message struct {
	Subject  string // events.<source>.<user-token>
	Header   map[string]string
	Stored   time.Time // the stream's own timestamp
	Sequence uint64
	Data     []byte
}

// Row is one row of a view: column name to string, uint64, float64, bool, time.Time (dates are midnight UTC),
// map[string]string, map[string]uint64 or nil for NULL.
type Row map[string]any

// Account says what became of the messages of one partition.
type Account struct {
	Partition                           int
	Received, Applied, Ignored, Clamped uint64
	Dead                                map[string]uint64 // by reason, only reasons that occurred
	Letters                             map[uint64]string // the reasons of the dead messages, by sequence
	ArrivalClock, Watermark             time.Time
}

// Result holds the views by name and one account per partition that has a message, in partition order.
type Result struct {
	Views    map[string][]Row
	Accounts []Account
}

// Options changes how exact the result is.
type Options struct {
	// Bucket, when set, is the pipeline's bucket of an age (ms). Users who reached something at ages of one
	// bucket then count at the mean age of these users, in quantiles, Kaplan–Meier estimates and at_risk: what
	// is else approximate can be held to equality.
	Bucket func(ms int64) int
	// Actions are what was done, for the view action_effects.
	Actions []Action
}

// Compute returns the views for messages in stream order as they must read at asOf. partitionOf tells the
// partition of a subject: arrival clock and lateness are judged per partition.
func Compute(catalogYAML []byte, msgs []Message, partitionOf func(subject string) int, asOf time.Time) (Result, error) {
	return ComputeWith(Options{}, catalogYAML, msgs, partitionOf, asOf)
}

// ComputeWith is Compute with options.
func ComputeWith(opts Options, catalogYAML []byte, msgs []Message, partitionOf func(subject string) int, asOf time.Time) (Result, error) {
	cat, err := parseCatalog(catalogYAML)
	if err != nil {
		return Result{}, fmt.Errorf("read the catalog: %w", err)
	}
	events, accounts, excluded := accept(cat, msgs, partitionOf)
	b := &batch{
		catalog:  cat,
		events:   events,
		excluded: excluded,
		asOf:     asOf.UnixMilli(),
		bucket:   opts.Bucket,
		views:    map[string][]Row{},
		told:     map[*metric][]*member{},
	}
	for i := range cat.Metrics {
		m := &cat.Metrics[i]
		members := b.members(m)
		m.kind.rows(b, m, members)
		b.effects(m, members, opts.Actions)
	}
	b.experiments()
	b.eventVolume()
	b.voices()
	b.views["pipeline_progress"] = progressRows(accounts)
	return Result{Views: b.views, Accounts: accounts}, nil
}

// batch is one computation: what it knows and the rows it has found so far.
type batch struct {
	catalog *catalogFile
	events  []*event // applied events, sorted by time, id, payload
	// excluded are the users who are left out, with the watermark (ms) when the first event came that says so.
	excluded map[string]int64
	asOf     int64
	bucket   func(ms int64) int // nil: ages are exact
	views    map[string][]Row
	told     map[*metric][]*member // of the metrics that are told of each user
}

// add appends a row made of the base columns and some more.
func (b *batch) add(view string, base, more Row) {
	row := Row{}
	for k, v := range base {
		row[k] = v
	}
	for k, v := range more {
		row[k] = v
	}
	b.views[view] = append(b.views[view], row)
}

// accept sorts the messages into accounts and returns the applied events, and the users whom they leave out.
func accept(cat *catalogFile, msgs []Message, partitionOf func(string) int) ([]*event, []Account, map[string]int64) {
	var events []*event
	excluded := map[string]int64{}
	byPartition := map[int]*Account{}
	for _, m := range msgs {
		p := partitionOf(m.Subject)
		a := byPartition[p]
		if a == nil {
			a = &Account{Partition: p, Dead: map[string]uint64{}, Letters: map[uint64]string{}}
			byPartition[p] = a
		}
		v := read(m, cat.Users == "all")
		a.Received++
		if received := instant(v.received); received.After(a.ArrivalClock) {
			a.ArrivalClock = received
		}
		a.Watermark = a.ArrivalClock.Add(-time.Duration(cat.AllowedLateness) * time.Millisecond)
		switch {
		case v.ignored:
			a.Ignored++
			if token := forgets(m); token != "" {
				forget(events, token, fmt.Sprint(" forgotten by ", m.Sequence), a.Watermark.UnixMilli(), excluded)
			}
			continue
		case v.dead != "":
			a.die(m, v.dead)
			continue
		}
		if cat.Exclude.Where.expression != nil && holds(cat.Exclude.Where.expression, v.event) {
			a.Ignored++
			continue
		}
		if v.event.at < a.Watermark.UnixMilli() {
			a.die(m, "late")
			continue
		}
		a.Applied++
		if v.clamped {
			a.Clamped++
		}
		events = append(events, v.event)
		if _, already := excluded[v.event.user]; !already && cat.Exclude.UsersWith != nil && cat.Exclude.UsersWith.matches(v.event) {
			excluded[v.event.user] = a.Watermark.UnixMilli()
		}
	}
	sort.SliceStable(events, func(i, j int) bool { return events[i].before(events[j]) })

	var accounts []Account
	for _, a := range byPartition {
		accounts = append(accounts, *a)
	}
	sort.Slice(accounts, func(i, j int) bool { return accounts[i].Partition < accounts[j].Partition })
	return events, accounts, excluded
}

// die counts a message that is dead.
func (a *Account) die(m Message, reason string) {
	a.Dead[reason]++
	a.Letters[m.Sequence] = reason
}

func progressRows(accounts []Account) []Row {
	var rows []Row
	for _, a := range accounts {
		rows = append(rows, Row{
			"partition": uint64(a.Partition), "arrival_clock": a.ArrivalClock, "watermark": a.Watermark,
			"received": a.Received, "applied": a.Applied, "ignored": a.Ignored, "clamped": a.Clamped, "dead": a.Dead,
		})
	}
	return rows
}

// instant is a time of the batch, which counts milliseconds since 1970, as a time.
func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
