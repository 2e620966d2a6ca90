package worker

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestFlushesAreOnTime: a flush begins when the interval is over, whatever the one before took: nobody waits for the newest events longer.
func TestFlushesAreOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began, end := time.Now(), make(chan struct{})
		f := newFlusher(time.Second, nil, nil)
		f.lives = func() []*life {
			at = append(at, time.Since(began))
			if len(at) == 1 {
				time.Sleep(1100 * time.Millisecond)
			}
			return nil
		}
		ended := make(chan struct{})
		go func() { f.run(end); close(ended) }()
		time.Sleep(6 * time.Second)
		close(end)
		<-ended
		if len(at) < 5 {
			t.Fatalf("flushes at %v", at)
		}
		for i := 2; i < len(at); i++ {
			if late := at[i] - at[i-1] - time.Second; late < 0 || late > 50*time.Millisecond {
				t.Errorf("flush %d begins %v after its interval: %v", i, late, at)
			}
		}
	})
}
