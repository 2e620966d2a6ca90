package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"firstlight/sinks/clickhouse"
)

// gcCommand deletes what definitions that are in force no more have left behind. A worker does so at a start, and after a week.
func gcCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "gc",
		Short: "Delete what definitions that are in force no more have left in ClickHouse",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadSettings()
			if err != nil {
				return err
			}
			b := &backends{settings: s, log: s.logger()}
			defer b.close()
			if err := b.openClickHouse(cmd.Context(), false); err != nil {
				return err
			}
			n, err := clickhouse.NewStore(b.conn, s.Database).Collect(cmd.Context())
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s deleted\n", count(int(n), "row"))
			return nil
		},
	}
}
