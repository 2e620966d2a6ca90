// Command firstlight-bench-anomaly measures how good detection is, and prints tables that are the same in every run.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	for _, table := range []func(io.Writer) error{products, nab} {
		if err := table(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "firstlight-bench-anomaly:", err)
			os.Exit(1)
		}
	}
}
