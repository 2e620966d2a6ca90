package main

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/stream"
)

// The compose stack as far as it runs without containers: its NATS configuration, and the binary its image holds.

// The image has no C library: the binary must need none.
func TestBinaryIsStatic(t *testing.T) {
	f, err := elf.Open(binary)
	if err != nil {
		t.Skipf("not an ELF binary here: %v", err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary asks for a dynamic linker")
		}
	}
	if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the binary needs %q (%v)", libraries, err)
	}
}

// stackNATS runs a server with the stack's configuration on a free port and returns its address.
func stackNATS(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile("../../schemas/stack/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	replaced := strings.NewReplacer("$NATS_FIRSTLIGHT_PASSWORD", "p1", "$NATS_APPS_PASSWORD", "p2").Replace(string(text))
	path := dir + "/nats.conf"
	if err := os.WriteFile(path, []byte(replaced), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := natsd.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o.Host, o.Port, o.HTTPPort, o.StoreDir, o.NoSigs, o.NoLog = "127.0.0.1", natsd.RANDOM_PORT, 0, dir+"/jetstream", true, true
	s, err := natsd.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not start")
	}
	return s.Addr().String()
}

// TestStackPermissions runs every command against NATS with the permissions of the stack's users.
func TestStackPermissions(t *testing.T) {
	b := newBox(t)
	addr := stackNATS(t, b.dir)
	b.env["NATS_URL"] = "nats://firstlight:p1@" + addr
	b.must("publish", "--historical", b.write("events.ndjson", funnel))
	b.run("--drain")

	// An app publishes an event, and one that becomes a dead letter.
	conn, violations := connectApp(t, addr)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{`{"event":"signed_up","userId":"u9"}`, `{"event":"signed_up"}`} {
		if _, err := js.Publish(t.Context(), "events.web.app", []byte(event)); err != nil {
			t.Errorf("an app publishes %s: %v", event, err)
		}
	}
	b.run("--drain")
	b.run("--rebuild", "--drain") // reads the dead letters back
	if s := b.accounts(); s.Lag != 0 || sum(s, func(p *partitionStatus) uint64 { return p.Received }) != 9 ||
		sum(s, func(p *partitionStatus) uint64 { return p.Dead["missing_user"] }) != 1 {
		t.Errorf("status: %+v", s)
	}
	b.must("check", "--live", b.env["FIRSTLIGHT_CATALOG"])
	b.must("annotate", "--kind", "deploy", "--title", "Release 7")
	b.must("notify", "test")
	useStreams(t, b.env["NATS_URL"])

	// An app does nothing else.
	for what, do := range map[string]func() error{
		"publish of a dead letter": func() error { return conn.Publish("dead.late.web.u1", nil) },
		"publish to a stream's API": func() error {
			return conn.PublishRequest("$JS.API.STREAM.DELETE.EVENTS", nats.NewInbox(), nil)
		},
		"subscription": func() error { _, err := conn.Subscribe("events.>", func(*nats.Msg) {}); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-violations:
			if !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
				t.Errorf("%s: %v", what, err)
			}
		case <-time.After(patience):
			t.Errorf("an app's %s is not refused", what)
		}
	}
}

// useStreams holds a lease with the worker's permissions, and may not delete what was received.
func useStreams(t *testing.T, url string) {
	t.Helper()
	js := jetstreamAt(t, url)
	lease, err := stream.NewLease(t.Context(), js, "test", "me")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if held, err := lease.Hold(t.Context()); err != nil || !held {
			t.Errorf("the lease is held: %v %v", held, err)
		}
	}
	if err := lease.Release(t.Context()); err != nil {
		t.Error(err)
	}
	refused, cancel := context.WithTimeout(t.Context(), time.Second) // the server answers nothing
	defer cancel()
	if err := js.DeleteStream(refused, "EVENTS"); err == nil {
		t.Error("the worker may delete the events")
	}
}

// run is firstlight run to its end, without a permission that was missing.
func (b *box) run(flags ...string) {
	b.t.Helper()
	r := b.firstlight(append([]string{"run"}, flags...)...)
	if r.code != 0 || strings.Contains(strings.ToLower(r.stderr), "permissions violation") {
		b.t.Fatalf("run %q: exit %d\n%s", flags, r.code, r.stderr)
	}
}

func sum(s status, of func(*partitionStatus) uint64) (n uint64) {
	for i := range s.Partitions {
		n += of(&s.Partitions[i])
	}
	return n
}

// connectApp connects as a product app does and passes on what it is refused.
func connectApp(t *testing.T, addr string) (*nats.Conn, <-chan error) {
	t.Helper()
	if _, err := nats.Connect(fmt.Sprintf("nats://apps:wrong@%s", addr)); err == nil {
		t.Error("a wrong password is let in")
	}
	violations := make(chan error, 16)
	conn, err := nats.Connect("nats://apps:p2@"+addr, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn, violations
}
