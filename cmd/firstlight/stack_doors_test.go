package main

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What an app could try against NATS of the compose stack, each tried.

// TestAppsReadNothing: no app can subscribe what others receive, nor ask JetStream for it, nor write where it has nothing to say.
func TestAppsReadNothing(t *testing.T) {
	b := newMigratedBox(t)
	addr := stackNATS(t, b.dir, workerPassword)
	b.env["NATS_URL"], b.env["NATS_INBOX_PREFIX"] = "nats://firstlight:"+workerPassword+"@"+addr, "_INBOX_firstlight"
	b.start("run") // its consumers deliver all the while

	apps, web := connectUser(t, addr, "apps", appsPassword), connectUser(t, addr, "web", webPassword)
	for _, u := range []*stackUser{apps, web} {
		if _, err := u.js.Publish(t.Context(), "events.web.u1", []byte(`{"event":"signed_up","userId":"u1"}`)); err != nil {
			t.Errorf("%s publishes an event: %v", u.name, err)
		}
	}
	read := []string{
		">", "*.>", "*", "*.*", "_INBOX.>", "_INBOX.*", "_INBOX_firstlight.>", "_INBOX_operator.>", "events.>", "events.web.*", "dead.>", "annotations.>",
		"anomalies.>", "$JS.>", "$JS.ACK.>", "$JS.API.>", "$JS.EVENT.>", "$KV.>", "$KV.FIRSTLIGHT_ALERTS.>", "$SYS.>", "$SRV.>", "$O.>",
	}
	write := []string{
		"dead.late.web.u1", "anomalies.critical.activated", "$KV.FIRSTLIGHT_LEASES.oncall", "$KV.FIRSTLIGHT_ALERTS.x", "_INBOX.x", "_INBOX_firstlight.x",
		"_INBOX_operator.x", "$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.STREAM.MSG.GET.EVENTS",
		"$JS.API.DIRECT.GET.EVENTS", "$JS.API.DIRECT.GET.EVENTS.events.web.u1", "$JS.API.CONSUMER.CREATE.EVENTS", "$JS.API.CONSUMER.CREATE.EVENTS.mine",
		"$JS.API.CONSUMER.CREATE.EVENTS.mine.events.>", "$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.mine", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.mine",
		"$JS.API.CONSUMER.LIST.EVENTS", "$JS.API.STREAM.CREATE.MINE", "$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.EVENTS",
		"$JS.API.STREAM.SNAPSHOT.EVENTS", "$JS.API.STREAM.UPDATE.EVENTS", "$JS.ACK.EVENTS.c.1.1.1.1.1", "$JS.FC.EVENTS.c.x",
	}
	for _, c := range []struct {
		user        *stackUser
		read, write []string
	}{
		{apps, append([]string{"_INBOX_web.>"}, read...), append([]string{"_INBOX_web.x"}, write...)},
		{
			web, append([]string{"_INBOX_apps.>"}, read...),
			append([]string{"_INBOX_apps.x", "events.ios.u1", "events.web", "events.web.u1.x", "annotations.web", "events.WEB.u1"}, write...),
		},
	} {
		for _, subject := range c.read {
			c.user.refused(t, "subscribe "+subject, func() error { _, err := c.user.conn.SubscribeSync(subject); return err })
			c.user.refused(t, "queue on "+subject, func() error { _, err := c.user.conn.QueueSubscribeSync(subject, "q"); return err })
		}
		for _, subject := range c.write {
			c.user.refused(t, "publish "+subject, func() error { return c.user.conn.PublishRequest(subject, "_INBOX_"+c.user.name+".x", nil) })
		}
	}
}

// refused does what the server is to refuse, and waits until it says so.
func (u *stackUser) refused(t *testing.T, what string, do func() error) {
	t.Helper()
	if err := do(); err != nil {
		t.Fatalf("%s: %s: %v", u.name, what, err)
	}
	select {
	case err := <-u.violations:
		if !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
			t.Errorf("%s: %s: %v", u.name, what, err)
		}
	case <-time.After(patience):
		t.Errorf("%s may %s", u.name, what)
	}
}

// TestAcknowledgementsGoNowhereElse: JetStream answers where the publisher says. An app that names the API, an inbox or a stream
// of others there must not have the server write for it.
func TestAcknowledgementsGoNowhereElse(t *testing.T) {
	dir := t.TempDir()
	addr := stackNATS(t, dir, workerPassword)
	worker, app := connectUser(t, addr, "firstlight", workerPassword), connectUser(t, addr, "apps", appsPassword)
	streams := map[string]string{"EVENTS": "events.>", "EVENTS_DEAD": "dead.>", "KV_FIRSTLIGHT_ALERTS": "$KV.FIRSTLIGHT_ALERTS.>", "KV_FIRSTLIGHT_LEASES": "$KV.FIRSTLIGHT_LEASES.>"}
	for name, subjects := range streams {
		c := jetstream.StreamConfig{Name: name, Subjects: []string{subjects}}
		if _, err := worker.js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for _, reply := range []string{"$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.EVENTS", "dead.late.web.u1", "events.ios.u1", "$KV.FIRSTLIGHT_ALERTS.x", "$KV.FIRSTLIGHT_LEASES.oncall"} {
		m := nats.NewMsg("events.web.u1")
		m.Data, m.Reply = []byte(`{"event":"signed_up","userId":"u1"}`), reply
		if err := app.conn.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
		if err := app.conn.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, err := app.js.Publish(t.Context(), "events.web.u2", []byte(`{"event":"signed_up","userId":"u2"}`)); err != nil {
			t.Fatal(err)
		}
		for name := range streams {
			s, err := worker.js.Stream(t.Context(), name)
			if err != nil {
				t.Fatalf("after a reply to %s: %s: %v", reply, name, err)
			}
			info, err := s.Info(t.Context(), jetstream.WithSubjectFilter(">"))
			if err != nil {
				t.Fatal(err)
			}
			for subject := range info.State.Subjects {
				if !strings.HasPrefix(subject, "events.web.") {
					t.Errorf("a reply to %s is stored as %s", reply, subject)
				}
			}
			if name == "EVENTS" && info.State.FirstSeq != 1 {
				t.Errorf("a reply to %s removed events", reply)
			}
		}
	}
}
