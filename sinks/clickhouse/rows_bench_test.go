package clickhouse_test

import (
	"context"
	"io"
	"testing"

	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
)

// discarding is a connection that takes blocks, and throws them away.
type discarding struct {
	clickhouse.Conn
	bytes int64
}

func (d *discarding) InsertFormat(_ context.Context, _, _ string, data func() io.Reader) error {
	n, err := io.Copy(io.Discard, data())
	d.bytes += n
	return err
}

// BenchmarkRows is what writing rows costs beside the server.
func BenchmarkRows(b *testing.B) {
	users, cells := people(1, 20_000), counted(1, 20_000)
	for what, write := range map[string]func(worker.Numbers) error{
		"users": func(n worker.Numbers) error { return n.WriteUsers(b.Context(), users) },
		"cells": func(n worker.Numbers) error { return n.WriteCells(b.Context(), cells) },
	} {
		b.Run(what, func(b *testing.B) {
			d := &discarding{}
			numbers := clickhouse.NewStore(d, "firstlight").In(7)
			b.ReportAllocs()
			for b.Loop() {
				if err := write(numbers); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20_000, "ns/row")
			b.ReportMetric(float64(d.bytes)/float64(b.N)/20_000, "B/row")
		})
	}
}
