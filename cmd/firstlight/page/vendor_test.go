package page

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"firstlight/pipeline/testtool"
)

// The chart library is the npm package that package.json pins, byte for byte.
func TestChartLibraryIsThePackage(t *testing.T) {
	installed := "../../../.engine/node_modules/uplot"
	if _, err := os.Stat(installed); err != nil {
		testtool.Missing(t, "uplot is not installed: `make engine` does that")
	}
	var pinned struct{ DevDependencies map[string]string }
	var have struct{ Version string }
	read := func(path string, into any) {
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	read("../../../package.json", &pinned)
	read(filepath.Join(installed, "package.json"), &have)
	if pinned.DevDependencies["uplot"] != have.Version {
		t.Fatalf("uplot %s is installed, package.json pins %s: run `make engine`", have.Version, pinned.DevDependencies["uplot"])
	}
	for name, from := range map[string]string{"uPlot.esm.js": "dist/uPlot.esm.js", "uPlot.min.css": "dist/uPlot.min.css", "LICENSE": "LICENSE"} {
		want, err := os.ReadFile(filepath.Join(installed, from))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, assets["/assets/vendor/uplot/"+name].content) {
			t.Errorf("%s is not that of uplot %s: copy it", name, have.Version)
		}
	}
}
