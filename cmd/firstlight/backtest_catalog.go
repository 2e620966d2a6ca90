package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/sinks/clickhouse"
)

// The backtest of a catalog: which incidents would have been raised, had it watched the counts from their first day. It is the
// judgement that run makes, over all that is stored, and it sends nothing.

// backtestCatalog prints every incident that the stored counts show to the catalog.
func backtestCatalog(ctx context.Context, format string, w io.Writer) error {
	s, err := loadSettings()
	if err != nil {
		return err
	}
	c, err := s.ownCatalog()
	if err != nil {
		return err
	}
	b := &backends{settings: s, log: s.logger()}
	defer b.close()
	if err := b.openClickHouse(ctx, false); err != nil {
		return err
	}
	store := clickhouse.NewStore(b.conn, s.Database)
	e, err := store.Evidence(ctx, c, 0)
	if err != nil {
		return err
	}
	if e.AsOf <= 0 {
		return fmt.Errorf("nothing has been counted in database %s yet: publish events, and start firstlight run", s.Database)
	}
	incidents := anomaly.Judge(c, e)
	first, err := firstMessages(ctx, store, c, incidents)
	if err != nil {
		return err
	}
	muted := anomaly.JudgeMuted(c, e)
	if format == "json" {
		return writeEvents(w, c.Product, incidents, first, muted)
	}
	return writeIncidents(w, c, e, incidents, first, muted)
}

// firstMessages returns what would have been said when each incident opened, explained.
func firstMessages(ctx context.Context, store *clickhouse.Store, c *catalog.Catalog, incidents []anomaly.Incident) ([]anomaly.Message, error) {
	var all []anomaly.Message
	for i := range incidents {
		n := incidents[i].News(0)
		var answers [][]anomaly.Split
		for _, q := range n.Questions() {
			splits, err := store.Splits(ctx, c, q)
			if err != nil {
				return nil, err
			}
			answers = append(answers, splits)
		}
		if len(answers) > 0 {
			n.Explain(answers[0], answers[1:]...)
		}
		all = append(all, n.Message)
	}
	return all, nil
}

// writeEvents writes every message as a CloudEvent, one a line, and one for each incident that is muted.
func writeEvents(w io.Writer, product string, incidents []anomaly.Incident, first, muted []anomaly.Message) error {
	var all []*anomaly.Message
	for i := range incidents {
		all = append(all, &first[i])
		for k := 1; k < len(incidents[i].Messages); k++ {
			all = append(all, &incidents[i].Messages[k])
		}
	}
	for i := range muted {
		all = append(all, &muted[i])
	}
	for _, m := range all {
		data, err := m.CloudEvent(product)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", data); err != nil {
			return fmt.Errorf("write the backtest: %w", err)
		}
	}
	return nil
}

// writeIncidents writes a line for each incident, and what they come to.
func writeIncidents(w io.Writer, c *catalog.Catalog, e *anomaly.Evidence, incidents []anomaly.Incident, first, muted []anomaly.Message) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	const minute = "2006-01-02 15:04"
	critical := 0
	if len(incidents)+len(muted) > 0 {
		fmt.Fprintln(t, "opened\tended\tseverity\tmetric\twhat would have been said")
	}
	for i := range incidents {
		ended, m := "still open", &first[i]
		if last := incidents[i].Messages[len(incidents[i].Messages)-1]; !last.Open() {
			ended = last.At.In(c.Location).Format(minute)
		}
		if m.Severity == anomaly.Critical {
			critical++
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", m.At.In(c.Location).Format(minute), ended, m.Severity, m.Metric.Name, m.Summary)
	}
	for i := range muted {
		m := &muted[i]
		fmt.Fprintf(t, "%s\tmuted\t%s\t%s\t%s\n", m.At.In(c.Location).Format(minute), m.Severity, m.Metric.Name, m.Summary)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the backtest: %w", err)
	}
	cal := calendar.New(c.Location, c.WeekStart)
	_, err := fmt.Fprintf(w, "%s in %s up to %s, %d critical\n", count(len(incidents), "incident"), count(int(cal.DayOf(e.AsOf)-e.From+1), "day"),
		time.Unix(e.AsOf, 0).UTC().Format(time.RFC3339), critical)
	if err != nil {
		return fmt.Errorf("write the backtest: %w", err)
	}
	return nil
}
