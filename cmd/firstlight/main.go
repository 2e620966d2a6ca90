// Command firstlight computes product metrics from an event stream: see its help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"firstlight/pipeline/worker"
)

// Exit codes: 1 when something failed, 2 when what was asked for makes no sense as it is.
const (
	exitFailure = 1
	exitUsage   = 2
)

// usageError is a mistake in flags, settings or the catalog.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// silentError has been explained on stderr already.
var errSilent = errors.New("explained already")

func main() { os.Exit(Main()) }

// Main runs the command and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	err = explainCommand(root, err)
	if !errors.Is(err, errSilent) {
		fmt.Fprintln(os.Stderr, "firstlight:", secrets.Text(err.Error()))
	}
	var usage usageError
	var refusal *worker.Refusal
	if errors.As(err, &usage) || errors.As(err, &refusal) {
		return exitUsage
	}
	return exitFailure
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "firstlight",
		Short: "Activation, feature adoption and time to first value per cohort, from an event stream",
		Long: `Firstlight consumes product events from NATS JetStream, computes activation, feature adoption and time to
first value per cohort in streaming windows, and writes them to ClickHouse.

Settings are environment variables: see "firstlight run --help".`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.Version = versionLine()
	root.SetVersionTemplate("firstlight {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w; see \"%s --help\"", err, c.CommandPath())
	})
	root.AddCommand(commands()...)
	return root
}
