package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/event"
	"firstlight/pipeline/nearest"
	"firstlight/pipeline/stream"
	"firstlight/sinks/clickhouse"
)

// note is the JSON of an annotation as this command publishes it.
type note struct {
	ID      string `json:"id,omitempty"`
	Kind    string `json:"kind,omitempty"`
	Title   string `json:"title,omitempty"`
	Time    string `json:"time,omitempty"`
	Until   string `json:"until,omitempty"`
	URL     string `json:"url,omitempty"`
	Metric  string `json:"metric,omitempty"`
	Text    string `json:"text,omitempty"`
	Author  string `json:"author,omitempty"`
	Expects string `json:"expects,omitempty"`
	Of      string `json:"incident,omitempty"`
	Deleted bool   `json:"deleted,omitempty"`
}

func annotateCommand() *cobra.Command {
	var (
		n      note
		source string
	)
	c := &cobra.Command{
		Use:   "annotate --kind KIND --title TITLE",
		Short: "Note a deploy, campaign, incident, action, or something expected beside the numbers",
		Long: `Publish an annotation: what happened beside the numbers, for the view annotations and for messages to on-call.
One of kind expected mutes what it covers. One of kind action that names a metric is followed: once users are old enough, the
view action_effects says whether it did what --expects says, and what else explains it. Prints the annotation's id: published again with the same --source and
--id it is replaced, with --delete withdrawn.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runAnnotate(cmd.Context(), source, n, cmd.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&n.Kind, "kind", "", "deploy, campaign, incident, action or expected")
	f.StringVar(&n.Title, "title", "", "what happened, in a few words")
	f.StringVar(&source, "source", "cli", "who says so: the second token of the subject")
	f.StringVar(&n.Time, "time", "", "when it happened or begins, RFC 3339 (default now)")
	f.StringVar(&n.Until, "until", "", "when it ended or will end, RFC 3339")
	f.StringVar(&n.URL, "url", "", "where to read on")
	f.StringVar(&n.Metric, "metric", "", "the metric it concerns (default all)")
	f.StringVar(&n.Text, "text", "", "more about it")
	f.StringVar(&n.Author, "author", "", "who noted it")
	f.StringVar(&n.ID, "id", "", "the id of the annotation to replace, or one to replace it by later")
	f.StringVar(&n.Expects, "expects", "", "of an action: how much the metric's share of users is to change, such as +0.05 for 5 points")
	f.StringVar(&n.Of, "incident", "", "of an action: the incident it is about")
	f.BoolVar(&n.Deleted, "delete", false, "withdraw the annotation with this --id")
	return c
}

func runAnnotate(ctx context.Context, source string, n note, w io.Writer) error {
	if source == "" {
		return usagef("--source is empty: name who says so, in one word such as ci or growth")
	}
	if err := event.CheckSource(source); err != nil {
		return usageError{err}
	}
	now := time.Now().UTC()
	if n.Time == "" && !n.Deleted {
		n.Time = now.Format("2006-01-02T15:04:05.000Z")
	}
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write the annotation as JSON: %w", err)
	}
	subject := "annotations." + source
	a, reason, detail := annotation.Parse(&event.Message{Subject: subject, Stored: now.UnixMilli(), Data: data})
	if reason != "" {
		return usagef("%s: %s", reason, detail)
	}
	s, err := loadSettings()
	if err != nil {
		return err
	}
	b := &backends{settings: s, log: s.logger()}
	defer b.close()
	if err := b.openNATS(ctx, false); err != nil {
		return err
	}
	if a.Kind == annotation.Action && (a.Metric != "" || a.Incident != "") {
		if err := b.checkAction(ctx, &a); err != nil {
			return err
		}
	}
	if _, err := stream.EnsureAnnotations(ctx, b.js); err != nil {
		return err
	}
	if _, err := b.js.Publish(ctx, subject, data); err != nil {
		return fmt.Errorf("publish the annotation on %s: %w", subject, err)
	}
	if a.TooLong() {
		fmt.Fprintf(os.Stderr, "firstlight: it mutes the first 31 days only, until %s; for longer, annotate again\n", time.UnixMilli(a.At+annotation.MaxMute).UTC().Format(time.RFC3339))
	}
	_, err = fmt.Fprintln(w, a.ID)
	return err
}

// checkAction refuses an action about a metric or an incident that is not there, and one that is to move its metric the wrong way.
// Where nothing was ever computed nothing is known, and all is right.
func (b *backends) checkAction(ctx context.Context, a *annotation.Annotation) error {
	if err := b.openClickHouse(ctx, false); err != nil {
		return err
	}
	store := clickhouse.NewStore(b.conn, b.settings.Database)
	towards, err := store.Towards(ctx)
	if err != nil {
		return err
	}
	good, known := towards[a.Metric]
	switch names := slices.Sorted(maps.Keys(towards)); {
	case len(towards) == 0:
		return nil
	case a.Metric != "" && !known:
		return usagef("there is no metric %q: %s", a.Metric, orOneOf(a.Metric, names))
	case a.Expects*good < 0:
		return usagef("--expects %+g would make %s worse: it is about the share of users who get there, and that is to go %s: write %+g", a.Expects, a.Metric, upOrDown(good), -a.Expects)
	}
	if a.Incident == "" {
		return nil
	}
	incidents, err := store.Incidents(ctx, mostIncidents)
	if err != nil {
		return err
	}
	if !slices.Contains(incidents, a.Incident) {
		return usagef("there is no incident %q: %s (the view incidents has them all)", a.Incident, orOneOf(a.Incident, incidents))
	}
	return nil
}

// mostIncidents bounds how far back an action may look for the incident it is about.
const mostIncidents = 10_000

// orOneOf says which of some names is meant, or names a few.
func orOneOf(name string, names []string) string {
	if near := nearest.Name(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	if len(names) == 0 {
		return "there is none"
	}
	return "write one of " + strings.Join(names[:min(len(names), 12)], ", ")
}

func upOrDown(sign float64) string {
	if sign < 0 {
		return "down"
	}
	return "up"
}
