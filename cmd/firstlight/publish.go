package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"firstlight/pipeline/publish"
	"firstlight/pipeline/stream"
)

func publishCommand() *cobra.Command {
	p := &publish.Publisher{Stderr: os.Stderr}
	c := &cobra.Command{
		Use:   "publish [--source S] [--historical] FILE... | -",
		Short: "Publish events from files of newline-delimited JSON, or from standard input",
		Long: `Publish events from files of newline-delimited JSON (.gz too), or from standard input (-).

A line that the pipeline would refuse is named and left out; the exit code is then 1. A line without a messageId
gets one from file and line, so that a run can be repeated within the stream's duplicate window.

--historical is for events of the past: it sorts them by time and has them count as received then, at receivedAt, else
at the later of sentAt and timestamp. It is refused when the stream's clock is already past the first of them.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("nothing to publish: name files of newline-delimited JSON, or - for standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error { return runPublish(cmd, p, files) },
	}
	c.Flags().StringVar(&p.Source, "source", publish.DefaultSource, "the publishing app: the second token of the subjects")
	c.Flags().BoolVar(&p.Historical, "historical", false, "sort by time and keep it as the received time")
	return c
}

func runPublish(cmd *cobra.Command, p *publish.Publisher, files []string) error {
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
	if _, err := stream.Ensure(ctx, b.js, s.Stream); err != nil {
		return err
	}
	if p.Sink, err = publish.NewJetStream(ctx, b.nats, s.Stream); err != nil {
		return err
	}
	summary, err := p.Run(ctx, files, cmd.InOrStdin())
	if err == nil || summary.Published > 0 {
		fmt.Fprintln(os.Stderr, summary)
	}
	switch {
	case err != nil:
		return err
	case summary.Refused > 0:
		return errSilent // each line was named
	}
	return nil
}
