package oncall

import (
	"time"

	"go.uber.org/zap"
)

// While the past is being loaded, half of it is counted: a source seems to have fallen silent where the import stands, and days
// seem to have lost their users. So judging waits until it is complete, and then says what it shows.

// History tells what is being loaded of the past. It is asked from one goroutine.
type History interface {
	// Loading says why half of the past may be counted at this moment; empty when all of it is.
	Loading() string
	// ImportedFrom returns the least received time (ms) of the events of the past that were loaded since it was last called, 0 when
	// there were none.
	ImportedFrom() int64
}

// loading is what a Watcher remembers of an import until it has judged it.
type loading struct {
	since     time.Time // when judging began to wait, zero when it does not
	told      bool      // that it waits
	from      time.Time // received time of the earliest event loaded, zero when there was none
	impatient bool      // it lasts so long that it is judged half
}

// quietly is how long judging waits before it says so: catching up takes no longer at most starts.
const quietly = 10 * time.Second

// importPatience bounds how long one import keeps judging waiting: a product that is not watched is worse than a doubtful message.
const importPatience = time.Hour

// waits reports whether judging waits at this moment of the wall clock, and says when that begins and ends.
func (w *Watcher) waits(now time.Time) bool {
	l := &w.loading
	why := w.History.Loading()
	switch {
	case why == "" && l.since.IsZero():
		return false
	case why == "":
		if l.told {
			w.Log.Info("anomalies are judged again", zap.Duration("waited", now.Sub(l.since).Round(time.Second)))
		}
		l.since, l.told, l.impatient, w.evaluated = time.Time{}, false, false, time.Time{}
	case l.since.IsZero():
		l.since = now
	case now.Sub(l.since) >= quietly && !l.told:
		w.Log.Info("anomalies are not judged for the moment", zap.String("because", why), zap.Duration("at_most", importPatience))
		l.told = true
	case now.Sub(l.since) >= importPatience && !l.impatient:
		w.Log.Warn("anomalies are judged although the past is not complete", zap.String("because", why))
		l.impatient, w.evaluated = true, time.Time{}
	}
	return why != "" && !l.impatient
}

// noteImport remembers what was loaded of the past before it is read, to be judged.
func (w *Watcher) noteImport() {
	ms := w.History.ImportedFrom()
	if ms == 0 {
		return
	}
	if at := time.UnixMilli(ms).UTC(); w.loading.from.IsZero() || at.Before(w.loading.from) {
		w.loading.from = at
	}
}
