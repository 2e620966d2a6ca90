package worker

import "firstlight/pipeline/stream"

// importEnds is how long (ms) after its last event an import counts as complete.
const importEnds = 10_000

// importing reports whether one of the newest events is of the past: by the server's clock, or where messages wait by that of
// the newest that was read.
func (r *report) importing(delivered stream.Mark) bool {
	now := r.server
	if r.behind {
		now = delivered.Stored
	}
	return delivered.Past > 0 && now-delivered.Past < importEnds
}

// importing reports whether this worker reads events of the past.
func (w *Worker) importing() bool {
	r, reader := w.observed.report.Load(), w.observed.reader.Load()
	return r != nil && reader != nil && r.importing(reader.Delivered())
}

// Loading says why half of the past may be counted at this moment; empty when all of it is. A worker that has drained the stream
// has loaded what it was to load, unless an import goes on behind it.
func (w *Worker) Loading() string {
	switch o := w.Observe(); {
	case o.Importing && (!w.Drain || w.observed.report.Load().behind):
		return "an import of the past is running"
	case o.CatchingUp:
		return "the worker is catching up with what the stream held at its start"
	}
	return ""
}

// ImportedFrom returns the least received time (ms) of the events of the past that were loaded since it was last called, 0 when
// there were none.
func (w *Worker) ImportedFrom() int64 {
	if r := w.observed.reader.Load(); r != nil {
		return r.Earliest()
	}
	return 0
}
