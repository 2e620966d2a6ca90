package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/worker/faulty"
)

const patience = 5 * time.Minute

func listen(t *testing.T, protocol Protocol, target string) *Link {
	t.Helper()
	l, err := Listen(protocol, func() string { return target })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// echo is a server that sends back what it gets, and its address.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, l *Link) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// echoed sends a line and reads it back.
func echoed(c net.Conn) error {
	if _, err := io.WriteString(c, "line\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && line != "line\n" {
		err = fmt.Errorf("it came back as %q", line)
	}
	return err
}

func TestLinkCarriesAndCuts(t *testing.T) {
	l := listen(t, Plain, echo(t))
	c := dial(t, l)
	if err := echoed(c); err != nil {
		t.Fatal(err)
	}
	l.Cut()
	if err := echoed(c); err == nil {
		t.Error("a connection that was cut goes on")
	}
	if err := echoed(dial(t, l)); err != nil {
		t.Errorf("after a cut: %v", err)
	}
	l.Refuse(true)
	if err := echoed(dial(t, l)); err == nil {
		t.Error("a link that refuses lets a connection through")
	}
	l.Refuse(false)
	if err := echoed(dial(t, l)); err != nil {
		t.Errorf("a link that refuses no more: %v", err)
	}
}

func TestLinkHolds(t *testing.T) {
	l := listen(t, Plain, echo(t))
	c := dial(t, l)
	l.Hold(Server)
	answer := make(chan error, 1)
	go func() { answer <- echoed(c) }()
	select {
	case err := <-answer:
		t.Fatalf("an answer came through a link that holds it: %v", err)
	case <-time.After(50 * time.Millisecond): // too early is what would be wrong
	}
	l.Hold(0)
	if err := <-answer; err != nil {
		t.Error(err)
	}
}

func TestLinkHalfCloses(t *testing.T) {
	l := listen(t, Plain, echo(t))
	c := dial(t, l)
	if err := echoed(c); err != nil {
		t.Fatal(err)
	}
	l.HalfClose(Client)
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("a half-closed connection gives %d bytes, %v", n, err)
	}
}

// TestInsertsAreTrapped: before a trap's moment nothing has reached the server, during it a part of the request, after it all.
func TestInsertsAreTrapped(t *testing.T) {
	body := strings.Repeat("row\n", 1000)
	for _, moment := range []faulty.Moment{faulty.Before, faulty.During, faulty.After} {
		for _, outcome := range []Outcome{Pass, Cut, Refuse} {
			t.Run(fmt.Sprint(moment, outcome), func(t *testing.T) {
				whole := make(chan bool, 10)
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					got, err := io.ReadAll(r.Body)
					whole <- err == nil && string(got) == body
					fmt.Fprint(w, "stored")
				}))
				defer server.Close()
				l := listen(t, ClickHouse, server.Listener.Addr().String())
				at := make(chan int, 1)
				go func() {
					_ = Await(t.Context(), []*Link{l}, faulty.Cells, moment, func() Outcome { at <- len(whole); return outcome })
				}()
				l.untilArmed(t)
				insert := func(table string) (string, error) {
					answer, err := http.Post("http://"+l.Addr()+"/?query=INSERT+INTO+%60db%60."+table+"+%28a%29", "text/plain", strings.NewReader(body))
					if err != nil {
						return "", err
					}
					defer answer.Body.Close()
					said, err := io.ReadAll(answer.Body)
					return answer.Status + string(said), err
				}
				if said, err := insert("users"); err != nil || said != "200 OKstored" || !<-whole {
					t.Fatalf("a write without a trap: %s %v", said, err)
				}
				said, err := insert("cells")
				switch outcome {
				case Pass:
					if err != nil || said != "200 OKstored" || !<-whole {
						t.Errorf("a write that passes: %s %v", said, err)
					}
				case Cut:
					if err == nil {
						t.Errorf("a write that is cut is answered: %s", said)
					}
				case Refuse:
					if err != nil || !strings.Contains(said, "NOT_ENOUGH_SPACE") {
						t.Errorf("a write that is refused: %s %v", said, err)
					}
				}
				if n := <-at; (n > 0) != (moment == faulty.After) {
					t.Errorf("%d requests had come when the trap was sprung", n)
				}
				if outcome == Pass {
					return
				}
				if moment == faulty.After && !<-whole {
					t.Error("a write that fails after it took effect did not")
				}
				if moment == faulty.During && <-whole {
					t.Error("a write that fails in its middle took effect as a whole")
				}
			})
		}
	}
}

func (l *Link) armed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trap != nil
}

// untilArmed waits until a trap is set.
func (l *Link) untilArmed(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !l.armed(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("no trap was set")
		}
	}
}

// TestLettersAreTrapped: the same for dead letters.
func TestLettersAreTrapped(t *testing.T) {
	const letters = "HPUB dead.late.web.1 4 4\r\n\r\n\r\n\r\nHPUB dead.late.web.2 4 4\r\n\r\n\r\n\r\n"
	for _, moment := range []faulty.Moment{faulty.Before, faulty.During, faulty.After} {
		t.Run(fmt.Sprint(moment), func(t *testing.T) {
			server, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			got := make(chan string, 1)
			go func() {
				c, err := server.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				b := make([]byte, len("PING\r\n")+len(letters))
				n, _ := io.ReadFull(c, b)
				got <- string(b[:n])
				_, _ = io.WriteString(c, `MSG x 1 9`+"\r\n"+`{"stream":"EVENTS_DEAD", "seq":1}`+"\r\n")
			}()
			l := listen(t, NATS, server.Addr().String())
			go func() { _ = Await(t.Context(), []*Link{l}, faulty.Dead, moment, func() Outcome { return Cut }) }()
			l.untilArmed(t)
			c := dial(t, l)
			if _, err := io.WriteString(c, "PING\r\n"+letters); err != nil {
				t.Fatal(err)
			}
			if said, err := io.ReadAll(c); err == nil && len(said) > 0 {
				t.Errorf("it was answered %q", said)
			}
			n := len(<-got) - len("PING\r\n")
			if want := map[faulty.Moment]int{faulty.Before: 0, faulty.During: len(letters) / 2, faulty.After: len(letters)}[moment]; n != want {
				t.Errorf("%d bytes of %d reached the server, want %d", n, len(letters), want)
			}
		})
	}
}

func TestATrapThatNothingComesTo(t *testing.T) {
	l := listen(t, ClickHouse, echo(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Await(ctx, []*Link{l}, faulty.Cells, faulty.Before, func() Outcome { return Cut }); !errors.Is(err, context.Canceled) {
		t.Errorf("it returned %v", err)
	}
	if l.armed() && l.take(faulty.Cells).spring() != Pass {
		t.Error("a trap that nobody waits for is sprung")
	}
}
