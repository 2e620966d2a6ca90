package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/publish"
	"firstlight/pipeline/stream"
)

func publishCommand() *cobra.Command {
	p := &publish.Publisher{Stderr: os.Stderr}
	var zone string
	c := &cobra.Command{
		Use:   "publish [--source S] [--historical] [--zone Z] FILE... | -",
		Short: "Publish events from files of JSON, or from standard input",
		Long: `Publish events from files of newline-delimited JSON, or from standard input (-). JSON arrays, gzip and UTF-16 are read too, whatever
the files are called.

A line that the pipeline would refuse is left out: the first ones of each reason are named, all are counted, and the exit code is
then 1. A run can be repeated, whenever: events that the stream holds already are found by their ids and skipped; a line without a
messageId gets one from file and line. What comes through a pipe without --historical is compared with the last minutes only (the
stream's duplicate window).

--historical is for events of the past: it sorts them by time and has them count as received then, at receivedAt, else at the later
of sentAt and timestamp. It is refused when the stream holds newer events and the catalog's allowed_lateness would make events late.

--zone reads times without an offset, as exports of tables hold them (2026-03-02 10:00:00), in a time zone. A time that occurs twice
is the first of the two; one that clocks skip is read by the offset before.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("nothing to publish: name files of newline-delimited JSON, or - for standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error {
			if zone != "" {
				var err error
				if p.Zone, err = time.LoadLocation(zone); err != nil || zone == "Local" {
					return usagef("unknown time zone %q: write an IANA name, such as %s", zone, catalog.ZoneLike(zone))
				}
			}
			return runPublish(cmd, p, files)
		},
	}
	c.Flags().StringVar(&p.Source, "source", publish.DefaultSource, "the publishing app: the second token of the subjects")
	c.Flags().BoolVar(&p.Historical, "historical", false, "sort by time and keep it as the received time")
	c.Flags().StringVar(&zone, "zone", "", "the time zone of times without an offset, such as Europe/Berlin")
	return c
}

func runPublish(cmd *cobra.Command, p *publish.Publisher, files []string) error {
	if err := event.CheckSource(p.Source); p.Source != "" && err != nil {
		return usagef("--source: %w", err)
	}
	s, err := loadSettings()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	b := &backends{settings: s, log: s.logger()}
	defer b.close()
	if err := b.openNATS(ctx, false); err != nil {
		return err
	}
	if b.demo {
		return usagef("a demo runs here, and these events would mix with its own: stop the demo first, or set FIRSTLIGHT_DATA_DIR to a folder of your own")
	}
	if _, err := stream.Ensure(ctx, b.js, s.Stream); err != nil {
		return err
	}
	if p.Stream, err = publish.NewJetStream(ctx, b.nats, s.Stream); err != nil {
		return err
	}
	p.Partitions, p.Lateness = s.Partitions, func() (time.Duration, error) { return allowedLateness(s.Catalog) }
	summary, err := p.Run(ctx, files, cmd.InOrStdin())
	if err == nil || !summary.Empty() {
		fmt.Fprintln(os.Stderr, summary)
	}
	switch {
	case errors.Is(err, ctx.Err()) && err != nil:
		return fmt.Errorf("interrupted: run the same command again, what is stored is skipped: %w", err)
	case err != nil:
		return err
	case !summary.Complete():
		return errSilent // each reason was named
	}
	return nil
}

// allowedLateness is that of the catalog in a file.
func allowedLateness(path string) (time.Duration, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("read the catalog: %w", err)
	}
	c, problems := catalog.Load(data, kind.All)
	if c == nil {
		return 0, fmt.Errorf("the catalog %s has %s: see firstlight check %s", path, count(len(problems), "problem"), path)
	}
	return c.AllowedLateness, nil
}
