package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
)

// catalogFile is the catalog as product managers write it. A worker that runs takes up what they change, and leaves what is wrong.
type catalogFile struct {
	path   string // empty: it does not change
	source []byte // as read last
	said   atomic.Pointer[string]
}

// catalogFile reads the catalog, or says on stderr what is wrong with it. source is one that is no file; nil for FIRSTLIGHT_CATALOG.
func (s *Settings) catalogFile(source []byte) (*catalogFile, *catalog.Catalog, error) {
	if source != nil {
		c, err := compile(source)
		return &catalogFile{source: source}, c, err
	}
	data, c, err := readCatalog(s.Catalog)
	return &catalogFile{path: s.Catalog, source: data}, c, err
}

// loadCatalog reads the catalog, or says on stderr what is wrong with it.
func loadCatalog(path string) (*catalog.Catalog, error) {
	_, c, err := readCatalog(path)
	return c, err
}

func readCatalog(path string) ([]byte, *catalog.Catalog, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, usagef("there is no catalog at %s: set FIRSTLIGHT_CATALOG to one; schemas/examples/ holds some to start from", path)
	}
	if err != nil {
		return nil, nil, usagef("read FIRSTLIGHT_CATALOG: %w", err)
	}
	c, problems := catalog.Load(data, kind.All)
	if problems.Failed() {
		fmt.Fprint(os.Stderr, problems.Format(path))
		return nil, nil, usageError{errSilent}
	}
	return data, c, nil
}

// compile compiles a catalog that was checked before.
func compile(source []byte) (*catalog.Catalog, error) {
	c, problems := catalog.Load(source, kind.All)
	if problems.Failed() {
		return nil, errors.New(strings.TrimSpace(problems.Format("the stored catalog")))
	}
	return c, nil
}

// lookEvery is how often the file is looked at.
const lookEvery = 2 * time.Second

// watch tells of every change of the file that is a catalog, until ctx ends. SIGHUP has it look at once.
func (f *catalogFile) watch(ctx context.Context, log *zap.Logger, change func(source []byte)) {
	if f.path == "" {
		return
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		case <-tick.C:
		}
		f.look(log, change)
	}
}

// look reads the file once.
func (f *catalogFile) look(log *zap.Logger, change func(source []byte)) {
	data, err := os.ReadFile(f.path)
	if err != nil {
		f.say(log, fmt.Sprintf("the catalog file cannot be read, what was taken up before goes on: %v", err))
		return
	}
	if bytes.Equal(data, f.source) {
		f.say(log, "")
		return
	}
	_, problems := catalog.Load(data, kind.All)
	if problems.Failed() {
		f.say(log, "the catalog file changed and is wrong, what was taken up before goes on: "+firstError(problems, f.path))
		return
	}
	f.say(log, "")
	f.source = data
	log.Info("the catalog file changed", zap.String("file", f.path))
	change(data)
}

// firstError is the first of the errors of a file, and how many more there are.
func firstError(problems catalog.Problems, path string) string {
	errors := slices.DeleteFunc(slices.Clone(problems), func(p catalog.Problem) bool { return p.Severity != catalog.Error })
	line := strings.TrimSpace(errors[:1].Format(path))
	if more := len(errors) - 1; more > 0 {
		line += fmt.Sprintf(" (and %s more)", count(more, "error"))
	}
	return line
}

// say keeps what is wrong with the file, empty when nothing is, and logs what is new of it.
func (f *catalogFile) say(log *zap.Logger, wrong string) {
	if wrong == f.wrong() {
		return
	}
	f.said.Store(&wrong)
	if wrong != "" {
		log.Error(wrong)
	}
}

// wrong says what is wrong with the file as it stands, empty when nothing is.
func (f *catalogFile) wrong() string {
	if said := f.said.Load(); said != nil {
		return *said
	}
	return ""
}
