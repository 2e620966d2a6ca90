package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
)

//go:embed assets
var files embed.FS

// types are the media types of the assets: they must not depend on the machine.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", "": "text/plain; charset=utf-8",
}

// asset is a file with what tells whether the browser has it already.
type asset struct {
	content   []byte
	kind, tag string
}

// assets holds every file by its path in a URL.
var assets = readAssets()

func readAssets() map[string]asset {
	all := map[string]asset{}
	add := func(at string, content []byte) {
		sum := sha256.Sum256(content)
		all[at] = asset{content, types[path.Ext(at)], `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	err := fs.WalkDir(files, "assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		add("/"+name, content)
		return err
	})
	if err == nil {
		err = addKinds(add)
	}
	if err != nil {
		panic(fmt.Sprintf("BUG: embedded files that cannot be read: %v", err))
	}
	return all
}

func serveAssets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveAsset(w, r, r.URL.Path) })
}

// serveShell answers with the page itself. What http.ServeMux takes for / is /%2f too, which is no page.
func serveShell(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	serveAsset(w, r, "/assets/index.html")
}

// serveAsset answers with a file, or says that the browser has it: another version of the binary has other files.
func serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	a, found := assets[name]
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", a.tag)
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(a.content) // the browser may be gone
}
