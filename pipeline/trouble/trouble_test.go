package trouble

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func newTestBoard() (*Board, func() []string) {
	core, logs := observer.New(zap.InfoLevel)
	return NewBoard(zap.New(core)), func() (lines []string) {
		for _, e := range logs.TakeAll() {
			lines = append(lines, e.Message)
		}
		return lines
	}
}

// TestLines: however many things fail at a place and however often, the log has one line when it begins, one a minute, and one when
// it is over.
func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, logged := newTestBoard()
		away := errors.New("connection refused")
		for range 10 * 125 { // 125 seconds
			for partition := range 16 {
				b.Report(ClickHouse, fmt.Sprint("cells of partition ", partition), away)
			}
			time.Sleep(100 * time.Millisecond)
		}
		for partition := range 16 {
			b.Report(ClickHouse, fmt.Sprint("cells of partition ", partition), nil)
		}
		want := []string{"ClickHouse fails, trying again", "ClickHouse fails, trying again", "ClickHouse fails, trying again", "ClickHouse works again"}
		if got := logged(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the log has %q, want %q", got, want)
		}
		b.Report(ClickHouse, "cells", nil)
		if got := logged(); len(got) != 0 {
			t.Errorf("success is news: %q", got)
		}
	})
}

// TestFlapping: what fails and works in turns has at most two lines a minute.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, logged := newTestBoard()
		for range 600 {
			b.Report(NATS, "dead letters", errors.New("timeout"))
			time.Sleep(100 * time.Millisecond)
			b.Report(NATS, "dead letters", nil)
			time.Sleep(100 * time.Millisecond)
		}
		if got := logged(); len(got) > 2*2+1 {
			t.Errorf("two minutes of flapping are %d lines", len(got))
		}
	})
}

// TestLasting: what fails is on the board once it lasts, one line a place, and gone when it works.
func TestLasting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTestBoard()
		b.Report(ClickHouse, "cells of partition 3", errors.New("code: 497,\nnot enough privileges"))
		if got := b.Lasting(); len(got) != 0 {
			t.Errorf("at once: %q", got)
		}
		time.Sleep(5 * time.Second)
		b.Report(ClickHouse, "users of partition 1", errors.New("another"))
		time.Sleep(5 * time.Second)
		if got := b.Lasting(); len(got) != 1 || got[0] != "ClickHouse fails for 10s: cells of partition 3 (and 1 more): code: 497, not enough privileges" {
			t.Errorf("after 10 s: %q", got)
		}
		b.Report(ClickHouse, "cells of partition 3", nil)
		b.Report(ClickHouse, "users of partition 1", nil)
		if got := b.Lasting(); len(got) != 0 {
			t.Errorf("when it works: %q", got)
		}
	})
}

// TestRetry: what fails is tried until it works; an error for good and the end of the context end it, and leave nothing on the board.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			name  string
			fails int
			err   error
			tries int
		}{
			{"works", 0, nil, 1},
			{"passing", 3, errors.New("timeout"), 4},
			{"for good", 9, Final(errors.New("another stream")), 1},
			{"connection closed", 9, fmt.Errorf("publish: %w", nats.ErrConnectionClosed), 1},
			{"stopped", 1 << 20, errors.New("timeout"), 0},
		} {
			b, _ := newTestBoard()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			tries := 0
			err := b.Retry(ctx, NATS, c.name, func() error {
				if tries++; tries <= c.fails {
					return c.err
				}
				return nil
			})
			cancel()
			if c.tries != 0 && tries != c.tries || (err == nil) != (c.fails < c.tries) {
				t.Errorf("%s: %d attempts, %v", c.name, tries, err)
			}
			if len(b.places[NATS].lines()) != 0 {
				t.Errorf("%s: still on the board", c.name)
			}
		}
	})
}

func (p *place) lines() (what []string) {
	if p == nil {
		return nil
	}
	for w := range p.failing {
		what = append(what, w)
	}
	return what
}

// TestLine: an error is one line, whatever it says.
func TestLine(t *testing.T) {
	got := Line(errors.New("a\nb\t" + strings.Repeat("é", 1000)))
	if !strings.HasPrefix(got, "a b é") || len(got) > maxLine+len("…") || !strings.HasSuffix(got, "…") {
		t.Errorf("%q", got)
	}
}
