package publish

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// reportEvery is how often progress is written where no bar can be drawn.
const reportEvery = 5 * time.Second

// The units of progress.
const (
	ofBytes  = true
	ofEvents = false
)

// progress tells how far a run is: a bar on a terminal, else a line now and then.
type progress struct {
	w     io.Writer
	what  string
	total int64 // bytes or events, -1 when unknown
	bar   *progressbar.ProgressBar
	told  time.Time
	calls int
}

func newProgress(w io.Writer, what string, total int64, bytes bool) *progress {
	p := &progress{w: w, what: what, total: total, told: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
			progressbar.OptionShowBytes(bytes), progressbar.OptionShowCount(), progressbar.OptionFullWidth(),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetSpinnerChangeInterval(0)) // no goroutine that draws on its own
	}
	return p
}

// to says that done of the total is behind us, and how many events that were.
func (p *progress) to(done int64, events uint64) {
	// Looking at the clock for every event would be felt.
	if p.calls++; p.calls%64 != 0 {
		return
	}
	if p.bar != nil {
		_ = p.bar.Set64(done) // a file that grows is beyond its end, which is no reason to stop
		return
	}
	if time.Since(p.told) < reportEvery {
		return
	}
	p.told = time.Now()
	share := ""
	if p.total > 0 {
		share = fmt.Sprintf(", %d %%", 100*min(done, p.total)/p.total)
	}
	fmt.Fprintf(p.w, "%s: %d events%s\n", p.what, events, share)
}

// say writes a line without disturbing the bar.
func (p *progress) say(line string) {
	p.end()
	fmt.Fprintln(p.w, line)
}

// end removes the bar; it comes back when there is more.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
