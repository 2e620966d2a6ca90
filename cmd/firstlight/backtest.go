package main

import (
	"github.com/spf13/cobra"
)

func backtestCommand() *cobra.Command {
	var series, out, format string
	c := &cobra.Command{
		Use:   "backtest [--format json] | --series FILE.csv [--out FILE]",
		Short: "List the incidents there would have been, of the catalog or in a series",
		Long: `List the incidents that the catalog in FIRSTLIGHT_CATALOG would have raised over all that is stored. Nothing is sent.
--format json writes the messages instead, as CloudEvents, one a line.

--series runs the volume detector over a CSV file with the columns timestamp and value, oldest first, and writes
timestamp,value,anomaly_score, one row for each row: the score is 0 but where an alarm begins, 0.5 to 1 there. No row
depends on a later one, and there is nothing to set. Daily and weekly seasons follow the times as they are written.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case format != "table" && format != "json":
				return usagef("--format is %q: write table or json", format)
			case series == "" && out != "":
				return usagef("--out is where the scores of a series go: name the series with --series FILE.csv")
			case series == "":
				return backtestCatalog(cmd.Context(), format, cmd.OutOrStdout())
			case format != "table":
				return usagef("the scores of a series are CSV: leave out --format")
			}
			return backtestSeries(cmd.Context(), seriesFiles{
				in: series, out: out, stdin: cmd.InOrStdin(), stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr(),
			})
		},
	}
	c.Flags().StringVar(&format, "format", "table", "of the catalog's incidents: table or json")
	c.Flags().StringVar(&series, "series", "", "CSV file with the columns timestamp and value; - is standard input")
	c.Flags().StringVar(&out, "out", "", "where the scores of the series go (default standard output)")
	return c
}
