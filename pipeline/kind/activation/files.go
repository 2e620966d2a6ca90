package activation

import (
	"embed"
	"io/fs"
)

//go:embed views page schema.json
var files embed.FS

// Files are the views, what the page asks, says and draws, and the part of the catalog's schema.
func (Kind) Files() fs.FS { return files }
