package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/spf13/cobra"

	"firstlight/cmd/firstlight/answers"
	"firstlight/sinks/clickhouse/engine"
)

func queryCommand() *cobra.Command {
	var format string
	var write bool
	c := &cobra.Command{
		Use:   "query [--format FORMAT] SQL | -",
		Short: "Read with SQL from the ClickHouse in use",
		Long: `Read with SQL from the ClickHouse in use; - reads the SQL from standard input. Names without a database are those of
FIRSTLIGHT_DATABASE. The result is a table on a terminal, else TSVWithNames; --format takes any ClickHouse format, and of the
embedded engine, without --write, those that no schema or template describes (docs/bi.md lists them). Nothing is changed,
whatever the SQL says, unless --write is given: then it runs with all rights that Firstlight has.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("write the SQL as one argument in quotes, or - to read it from standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			sql := args[0]
			if sql == "-" {
				text, err := io.ReadAll(cmd.InOrStdin())
				if err != nil {
					return fmt.Errorf("read SQL from standard input: %w", err)
				}
				sql = string(text)
			}
			if strings.TrimSpace(sql) == "" {
				return usagef("there is no SQL to run")
			}
			return runQuery(cmd.Context(), sql, format, write, cmd.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&write, "write", false, "let the SQL change and drop things, with all rights that Firstlight has; run --rebuild computes again what was lost")
	c.Flags().StringVar(&format, "format", "", "ClickHouse format of the result, such as CSVWithNames or JSONEachRow")
	return c
}

func runQuery(ctx context.Context, sql, format string, write bool, w io.Writer) error {
	s, err := loadSettings()
	if err != nil {
		return err
	}
	b := &backends{settings: s, log: s.logger(), onlyReads: !write}
	defer b.close()
	if err := b.openClickHouse(ctx, false); err != nil {
		return err
	}
	options, err := clickhouse.ParseDSN(b.dsn)
	if err != nil {
		return fmt.Errorf("read CLICKHOUSE_URL: %w", err)
	}
	options.Addr = []string{b.conn.Using()}
	if options.Settings == nil {
		options.Settings = clickhouse.Settings{}
	}
	switch embedded := s.ClickHouseURL == ""; {
	case write:
	case embedded:
		options.HttpUrlPath = engine.ReadPath
	default:
		options.Settings["readonly"] = 2 // settings may be given, nothing else changes
	}
	err = answers.Write(ctx, options, s.Database, sql, format, w)
	if err != nil && strings.Contains(err.Error(), "Cannot modify 'readonly' setting") { // the server lets this user read only anyway
		delete(options.Settings, "readonly")
		err = answers.Write(ctx, options, s.Database, sql, format, w)
	}
	if unknown := (*answers.FormatError)(nil); errors.As(err, &unknown) {
		return usageError{err}
	}
	if err != nil && !write && readOnly.MatchString(err.Error()) {
		return fmt.Errorf("%w: query only reads, --write has it change things", err)
	}
	return err
}

// readOnly are the refusals, by the embedded engine and by servers, of what would change something.
var readOnly = regexp.MustCompile(`Readers only read|readonly mode`)
