package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
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
One of kind expected mutes what it covers. Prints the annotation's id: published again with the same --source and
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
