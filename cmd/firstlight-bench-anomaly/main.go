// Command firstlight-bench-anomaly measures how good detection is, and prints tables that are the same in every run but for times:
// all of them, or those that are named (restless, faults, volumes, experiments).
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
)

func main() {
	for _, table := range []struct {
		name  string
		print func(io.Writer) error
	}{
		{"restless", func(w io.Writer) error { return restless(w, 3) }},
		{"faults", products},
		{"volumes", nab},
		{"experiments", func(w io.Writer) error { return experiments(w, 2_000) }},
	} {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], table.name) {
			continue
		}
		if err := table.print(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "firstlight-bench-anomaly:", err)
			os.Exit(1)
		}
	}
}
