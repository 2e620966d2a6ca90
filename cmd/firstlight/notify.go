package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"firstlight/pipeline/anomaly"
	"firstlight/sinks/alert"
)

func notifyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "notify",
		Short: "Messages to on-call",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say what to do: %s test", cmd.CommandPath())
		},
	}
	c.AddCommand(notifyTestCommand())
	return c
}

func notifyTestCommand() *cobra.Command {
	var severity string
	c := &cobra.Command{
		Use:   "test",
		Short: "Send a message marked TEST to everything that is configured, and say what happened",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if severity != string(anomaly.Critical) && severity != string(anomaly.Warning) {
				return usagef("--severity is %q: write critical or warning", severity)
			}
			return notifyTest(cmd.Context(), anomaly.Severity(severity), cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&severity, "severity", string(anomaly.Critical), "critical or warning")
	return c
}

func notifyTest(ctx context.Context, severity anomaly.Severity, w io.Writer) error {
	s, err := loadSettings()
	if err != nil {
		return err
	}
	product, err := s.product()
	if err != nil {
		return err
	}
	b := &backends{settings: s, log: s.logger()}
	defer b.close()
	noJS := b.openNATS(ctx, false) // the other destinations do not need it
	results, err := alert.Test(ctx, s.alerts(product), b.js, noJS, alert.TestMessage(time.Now(), severity, s.ExternalURL))
	if err != nil {
		return err
	}
	failed := false
	for _, r := range results {
		fmt.Fprintln(w, secrets.Text(line(&r)))
		failed = failed || r.Err != nil
	}
	if failed {
		return errSilent
	}
	return nil
}

// product is the catalog's; without a catalog messages can be tested too.
func (s *Settings) product() (string, error) {
	if _, err := os.Stat(s.Catalog); errors.Is(err, os.ErrNotExist) && !s.catalogGiven && !s.findsDemo() {
		return "firstlight", nil
	}
	c, err := s.ownCatalog()
	if err != nil {
		return "", err
	}
	return c.Product, nil
}

// line is what became of the test at one destination.
func line(r *alert.Result) string {
	switch {
	case !r.Configured:
		return fmt.Sprintf("%-13s not configured: set %s", r.Destination, r.Setting)
	case r.Err != nil && r.Sent == "":
		return fmt.Sprintf("%-13s FAILED (%s): %v", r.Destination, r.Setting, r.Err)
	case r.Err != nil:
		return fmt.Sprintf("%-13s FAILED (%s): %s: %v, %s", r.Destination, r.Setting, r.Sent, r.Err, r.Took.Round(time.Millisecond))
	default:
		return fmt.Sprintf("%-13s sent %s: %s, %s", r.Destination, r.Sent, r.Answer, r.Took.Round(time.Millisecond))
	}
}
