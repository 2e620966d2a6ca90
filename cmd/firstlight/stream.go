package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"firstlight/pipeline/stream"
)

func streamCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "stream",
		Short: "The stream of events",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say what to do: %s adopt", cmd.CommandPath())
		},
	}
	c.AddCommand(adoptCommand())
	return c
}

func adoptCommand() *cobra.Command {
	var narrow, yes bool
	c := &cobra.Command{
		Use:   "adopt",
		Short: "Change an event stream that was there before into one that keeps all events",
		Long: `Show what has to be changed in the stream FIRSTLIGHT_STREAM, which somebody made before Firstlight, so that it takes events and keeps
them; with --yes, change it. Messages that it holds stay, and so does its name.

On servers with permissions NATS_URL and NATS_INBOX_PREFIX are those of a user who may change streams; the worker may not.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return adopt(cmd.Context(), narrow, yes, cmd.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&narrow, "narrow", false, "have it refuse what is not shaped like events.<source>.<user-token>; what it holds of that is listed first")
	c.Flags().BoolVar(&yes, "yes", false, "change it")
	return c
}

// adopt shows what is to be changed in the event stream, and changes it where that is said.
func adopt(ctx context.Context, narrow, yes bool, out io.Writer) error {
	s, err := loadSettings()
	if err != nil {
		return err
	}
	b := &backends{settings: s, log: s.logger()}
	defer b.close()
	if err := b.openNATS(ctx, false); err != nil {
		return err
	}
	a, err := stream.Adopt(ctx, b.js, s.Stream, narrow)
	if err != nil {
		return err
	}
	showAdoption(out, a)
	switch {
	case len(a.Changes) == 0:
		fmt.Fprintf(out, "%s needs no change.\n", s.Stream)
		return nil
	case !yes:
		fmt.Fprintln(out, "Nothing was changed: to change this, repeat the command with --yes.")
		return nil
	}
	if err := a.Make(ctx, b.js); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s was changed.\n", s.Stream)
	return nil
}

// mostRefused is how many subjects are shown.
const mostRefused = 20

func showAdoption(out io.Writer, a *stream.Adoption) {
	name := a.Info.Config.Name
	if len(a.Refused) > 0 {
		messages := uint64(0)
		for _, r := range a.Refused {
			messages += r.Messages
		}
		fmt.Fprintf(out, "%s holds %s of %s that it would refuse from now on. They stay; whoever publishes there gets an error:\n", name, count(int(messages), "message"), count(len(a.Refused), "subject"))
		for _, r := range a.Refused[:min(mostRefused, len(a.Refused))] {
			fmt.Fprintf(out, "  %s  %s\n", r.Subject, count(int(r.Messages), "message"))
		}
		if more := len(a.Refused) - mostRefused; more > 0 {
			fmt.Fprintf(out, "  and %d more\n", more)
		}
	}
	if len(a.Changes) > 0 {
		fmt.Fprintf(out, "To be changed in %s, which holds %s:\n", name, count(int(a.Info.State.Msgs), "message"))
	}
	for _, line := range a.Changes {
		fmt.Fprintf(out, "  %s\n", line)
	}
	if len(a.Stays) > 0 {
		fmt.Fprintln(out, "What stays, and matters:")
	}
	for _, line := range a.Stays {
		fmt.Fprintf(out, "  %s\n", line)
	}
}
