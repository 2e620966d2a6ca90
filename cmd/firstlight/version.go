package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and what it works with",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			printVersion(cmd.OutOrStdout())
			return nil
		},
	}
}

func printVersion(w io.Writer) {
	fmt.Fprintf(w, "firstlight %s\n", versionLine())
	fmt.Fprintf(w, "built with %s for %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(w, "needs NATS 2.11 or later (embedded: %s), ClickHouse 25.3 or later\n", natsd.VERSION)
}

// versionLine is the version and the commit of the binary.
func versionLine() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version + revisionOf(info)
}

// commit and date are those that the linker was told (-ldflags "-X main.commit=… -X main.date=…"), for builds that have no checkout.
var commit, date string

// revisionOf says from which commit the binary was built, as far as the build knows.
func revisionOf(info *debug.BuildInfo) string {
	vcs := map[string]string{"vcs.revision": commit, "vcs.time": date}
	for _, s := range info.Settings {
		vcs[s.Key] = s.Value
	}
	if vcs["vcs.revision"] == "" {
		return ""
	}
	changed := ""
	if vcs["vcs.modified"] == "true" {
		changed = ", with changes"
	}
	return fmt.Sprintf(" (commit %.12s of %s%s)", vcs["vcs.revision"], vcs["vcs.time"], changed)
}
