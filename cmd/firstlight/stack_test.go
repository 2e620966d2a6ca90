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

	"firstlight/pipeline/event"
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

// The passwords of the stack's users in tests.
const workerPassword, operatorPassword, appsPassword, webPassword, collectPassword = "p1", "p2", "p3", "p4", "p5"

// stackNATS runs a server with the stack's configuration on a free port and returns its address.
func stackNATS(t *testing.T, dir, worker string) string {
	t.Helper()
	text, err := os.ReadFile("../../schemas/stack/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	replaced := strings.NewReplacer("$NATS_FIRSTLIGHT_PASSWORD", worker, "$NATS_OPERATOR_PASSWORD", operatorPassword,
		"$NATS_COLLECT_PASSWORD", collectPassword, "$NATS_APPS_PASSWORD", appsPassword, "$NATS_WEB_PASSWORD", webPassword).Replace(string(text))
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
	b := newSharedBox(t)
	addr := stackNATS(t, b.dir, workerPassword)
	b.env["NATS_URL"], b.env["NATS_INBOX_PREFIX"] = "nats://firstlight:"+workerPassword+"@"+addr, "_INBOX_firstlight"
	b.must("publish", "--historical", b.write("events.ndjson", funnel))
	b.run("--drain")

	// An app publishes an event, and one that becomes a dead letter.
	app := connectUser(t, addr, "apps", appsPassword)
	for _, body := range []string{`{"event":"signed_up","userId":"u9"}`, `{"event":"signed_up"}`} {
		if _, err := app.js.Publish(t.Context(), "events.web.app", []byte(body)); err != nil {
			t.Errorf("an app publishes %s: %v", body, err)
		}
	}
	b.run("--drain")
	b.run("--rebuild", "--drain") // reads the dead letters back
	if s := b.accounts(); s.Lag != 0 || sum(s, func(p *partitionStatus) uint64 { return p.Received }) != 9 ||
		sum(s, func(p *partitionStatus) uint64 { return p.Dead["missing_user"] }) != 1 {
		t.Errorf("status: %+v", s)
	}
	b.collects(addr)
	b.must("check", "--live", b.env["FIRSTLIGHT_CATALOG"])
	b.must("annotate", "--kind", "deploy", "--title", "Release 7")
	b.must("notify", "test")
	useStreams(t, connectUser(t, addr, "firstlight", workerPassword).js)
	b.forgets(addr, app)
	purgeEvents(t, connectUser(t, addr, "operator", operatorPassword).js)
}

// forgets has a user forgotten with the operator's permissions; nobody else may say so.
func (b *box) forgets(addr string, app *stackUser) {
	b.t.Helper()
	for _, u := range []*stackUser{app, connectUser(b.t, addr, "firstlight", workerPassword), connectUser(b.t, addr, "collect", collectPassword)} {
		m := event.Forget(event.Token("u1"), event.Token("u1"))
		refused, cancel := context.WithTimeout(b.t.Context(), 300*time.Millisecond) // the server answers nothing
		if _, err := u.js.PublishMsg(refused, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}); err == nil {
			b.t.Errorf("%s may have a user forgotten", u.name)
		}
		cancel()
	}
	worker := b.env["NATS_URL"]
	b.env["NATS_URL"], b.env["NATS_INBOX_PREFIX"] = "nats://operator:"+operatorPassword+"@"+addr, "_INBOX_operator"
	b.refused(1, []string{"repeat the command"}, "forget", "--wait", "0s", "u1")
	b.env["NATS_URL"], b.env["NATS_INBOX_PREFIX"] = worker, "_INBOX_firstlight"
	b.run("--drain")
	b.env["NATS_URL"], b.env["NATS_INBOX_PREFIX"] = "nats://operator:"+operatorPassword+"@"+addr, "_INBOX_operator"
	b.must("forget", "--scan", "u1")
	b.env["NATS_URL"], b.env["NATS_INBOX_PREFIX"] = worker, "_INBOX_firstlight"
}

// collects runs the collector with its own permissions, and has it judged by its own health check.
func (b *box) collects(addr string) {
	o := newOther(b)
	o.env["NATS_URL"], o.env["NATS_INBOX_PREFIX"] = "nats://collect:"+collectPassword+"@"+addr, "_INBOX_collect"
	o.env["FIRSTLIGHT_COLLECT_ADDR"] = freeAddr(b.t)
	url := "http://" + o.env["FIRSTLIGHT_COLLECT_ADDR"]
	c := o.collector(url)
	if code, answer := post(url+"/v1/track", `{"event":"signed_up","userId":"u10"}`); code != 200 {
		b.t.Errorf("the collector answers %d %s", code, answer)
	}
	o.must("health", "--collect", "--ready")
	if code, _ := c.terminate(); code != 0 || strings.Contains(strings.ToLower(c.stderr.String()), "permission") {
		b.t.Errorf("the collector ends with %d:\n%s", code, c.stderr)
	}
}

// useStreams holds a lease with the worker's permissions, and may not delete what was received.
func useStreams(t *testing.T, js jetstream.JetStream) {
	t.Helper()
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
	ledger, err := js.Stream(t.Context(), "KV_FIRSTLIGHT_ALERTS")
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.Purge(t.Context(), jetstream.WithPurgeSubject("$KV.FIRSTLIGHT_ALERTS.an.old.incident")); err != nil {
		t.Errorf("the ledger forgets an incident: %v", err)
	}
	events, err := js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func(context.Context) error{
		"delete the events":      func(ctx context.Context) error { return js.DeleteStream(ctx, "EVENTS") },
		"purge the events":       func(ctx context.Context) error { return events.Purge(ctx) },
		"delete an event":        func(ctx context.Context) error { return events.DeleteMsg(ctx, 1) },
		"purge the dead letters": func(ctx context.Context) error { return purge(ctx, js, "EVENTS_DEAD") },
		"change the event stream": func(ctx context.Context) error {
			_, err := js.UpdateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, MaxMsgs: 1})
			return err
		},
	} {
		refused, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // the server answers nothing
		if err := do(refused); err == nil {
			t.Errorf("the worker may %s", what)
		}
		cancel()
	}
}

func purge(ctx context.Context, js jetstream.JetStream, name string) error {
	s, err := js.Stream(ctx, name)
	if err != nil {
		return err
	}
	return s.Purge(ctx)
}

// purgeEvents does what forgetting a user takes, with the operator's permissions.
func purgeEvents(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for _, name := range []string{"EVENTS", "EVENTS_DEAD"} {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Purge(t.Context(), jetstream.WithPurgeSubject("*.*.nobody")); err != nil {
			t.Errorf("the operator purges a user from %s: %v", name, err)
		}
		if _, err := js.UpdateStream(t.Context(), s.CachedInfo().Config); err != nil {
			t.Errorf("the operator changes %s: %v", name, err)
		}
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

// stackUser is a connection of one of the stack's users, with an inbox prefix of its own.
type stackUser struct {
	name       string
	conn       *nats.Conn
	js         jetstream.JetStream
	violations chan error // what the server refuses
}

func connectUser(t *testing.T, addr, name, password string) *stackUser {
	t.Helper()
	if _, err := nats.Connect(fmt.Sprintf("nats://%s:wrong@%s", name, addr)); err == nil {
		t.Errorf("a wrong password of %s is let in", name)
	}
	u := &stackUser{name: name, violations: make(chan error, 64)}
	var err error
	u.conn, err = nats.Connect(fmt.Sprintf("nats://%s:%s@%s", name, password, addr), nats.CustomInboxPrefix("_INBOX_"+name),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { u.violations <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.conn.Close)
	if u.js, err = jetstream.New(u.conn); err != nil {
		t.Fatal(err)
	}
	return u
}
