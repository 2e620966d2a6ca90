package main

import (
	"github.com/spf13/cobra"
)

func backtestCommand() *cobra.Command {
	var series, out string
	c := &cobra.Command{
		Use:   "backtest --series FILE.csv [--out FILE]",
		Short: "Show which alarms there would have been",
		Long: `Show which alarms there would have been.

--series runs the volume detector over a CSV file with the columns timestamp and value, oldest first, and writes
timestamp,value,anomaly_score, one row for each row: the score is 0 but where an alarm begins, 0.5 to 1 there. No row
depends on a later one, and there is nothing to set. Daily and weekly seasons follow the times as they are written.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if series == "" {
				return usagef("nothing to replay: name a file with --series FILE.csv")
			}
			return backtestSeries(cmd.Context(), seriesFiles{
				in: series, out: out, stdin: cmd.InOrStdin(), stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr(),
			})
		},
	}
	c.Flags().StringVar(&series, "series", "", "CSV file with the columns timestamp and value; - is standard input")
	c.Flags().StringVar(&out, "out", "", "where the scores go (default standard output)")
	return c
}
