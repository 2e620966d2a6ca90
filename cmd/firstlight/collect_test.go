package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/tidwall/gjson"
)

const plantedKey = "wk_" + plantedSecret

// TestCollect: what comes over HTTP is in the views, from run itself and from a collector beside it that is killed again and again:
// every event once, each user's in his order, and no key and no event in any log.
func TestCollect(t *testing.T) {
	b := newMigratedBox(t)
	b.env["FIRSTLIGHT_COLLECT_ADDR"], b.env["LOG_LEVEL"] = "127.0.0.1:0", "debug"
	b.env["FIRSTLIGHT_WRITE_KEYS_FILE"] = b.write("keys", plantedKey+" web\n")
	d := b.start("run")
	if code, answer := post("http://"+d.at.Collect+"/v1/track", `{"event":"signed_up","userId":"Pl4ntedUser","properties":{"plan":"team"}}`); code != 200 {
		t.Fatalf("run's collector answers %d %s", code, answer)
	}
	b.eventually("the user is in the views", func() bool {
		return d.tsv("SELECT count() FROM user_progress WHERE user_id = 'Pl4ntedUser'") != "0"
	})
	o := newOther(b)
	o.env["NATS_URL"], o.env["FIRSTLIGHT_COLLECT_ADDR"], o.env["LOG_LEVEL"] = "nats://"+d.at.NATS, freeAddr(t), "debug"
	delete(o.env, "FIRSTLIGHT_WRITE_KEYS_FILE")
	o.env["FIRSTLIGHT_WRITE_KEYS"] = plantedKey + " backend"
	url := "http://" + o.env["FIRSTLIGHT_COLLECT_ADDR"]
	var stored atomic.Int64
	const users, events = 60, 40
	var group sync.WaitGroup
	turn := make(chan struct{}, 8)
	for user := range users {
		group.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			body := orderedBatch(fmt.Sprint("u", user), events)
			o.eventually("a request is stored", func() bool {
				code, _ := post(url+"/v1/batch", body)
				return code == 200
			})
			stored.Add(1)
		})
	}
	var log string
	for kill := range 3 {
		c := o.collector(url)
		o.eventually("some requests are stored", func() bool { return stored.Load() >= int64(1+kill*users/4) })
		c.kill()
		log += c.stderr.String()
	}
	c := o.collector(url)
	group.Wait()
	for user, n := range d.inOrder(t, "events.backend.*") {
		if n != events {
			t.Errorf("of %s %d events are stored, want %d", user, n, events)
		}
	}
	if code, answer := post(url+"/v1/track", `{"event":"Pl4ntedEvent","userId":"null"}`); code != 400 {
		t.Errorf("a user who is none: %d %s", code, answer)
	}
	if _, answer := post(url+"/metrics", ""); strings.Contains(answer, plantedSecret) {
		t.Error("the metrics show a key")
	}
	if code, _ := c.terminate(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if code, _ := d.terminate(); code != 0 {
		t.Errorf("run: exit %d", code)
	}
	if log += c.stderr.String() + d.stderr.String(); strings.Contains(log, plantedSecret) || strings.Contains(log, "Pl4nted") {
		t.Errorf("a log shows what was sent:\n%s", log)
	}
}

// collector starts firstlight collect and waits until it is ready.
func (b *box) collector(url string) *daemon {
	b.t.Helper()
	d := b.startCollector()
	b.eventually("the collector is ready", func() bool { return d.lives() && status200(url+"/readyz") == nil })
	return d
}

// startCollector starts a collector, which may wait for its server.
func (b *box) startCollector() *daemon {
	b.t.Helper()
	d := &daemon{b: b, c: b.command(context.Background(), "collect"), stderr: &bytes.Buffer{}, done: make(chan struct{})}
	d.c.Stderr = d.stderr
	if err := d.c.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() { _ = d.c.Wait(); close(d.done) }()
	b.t.Cleanup(func() { _ = d.c.Process.Kill(); <-d.done })
	return d
}

// lives fails the test where the daemon has ended.
func (d *daemon) lives() bool {
	select {
	case <-d.done:
		d.b.t.Fatalf("firstlight ended: %s", d.stderr)
	default:
	}
	return true
}

// post sends JSON with the planted key; the code is 0 when there is no answer.
func post(url, body string) (int, string) {
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	r.Header.Set("Authorization", "Bearer "+plantedKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(text)
}

// orderedBatch is a request of so many events of one user, in whose ids their order is.
func orderedBatch(user string, events int) string {
	var all []string
	for i := range events {
		all = append(all, fmt.Sprintf(`{"event":"e","userId":%q,"messageId":"%s-%d","properties":{"n":%d}}`, user, user, i, i))
	}
	return `{"batch":[` + strings.Join(all, ",") + `]}`
}

// inOrder reads the events of some subjects, and fails where one is missing, twice, or before its predecessor. It returns how many there
// are of each user.
func (d *daemon) inOrder(t *testing.T, subjects string) map[string]int {
	t.Helper()
	s, err := d.jetstream().Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{FilterSubjects: []string{subjects}})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := c.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	next := map[string]int{}
	for {
		m, err := messages.Next(jetstream.NextMaxWait(patience))
		if err != nil {
			t.Fatal(err)
		}
		user, n := gjson.GetBytes(m.Data(), "userId").String(), int(gjson.GetBytes(m.Data(), "properties.n").Int())
		if n != next[user] || m.Headers().Get(nats.MsgIdHdr) != "backend:"+user+"-"+strconv.Itoa(n) {
			t.Fatalf("of %s event %d stands where %d should", user, n, next[user])
		}
		next[user]++
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		if meta.NumPending == 0 {
			return next
		}
	}
}

// freeAddr is a loopback address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestCollectRefuses what makes no sense, in one line without a key.
func TestCollectRefuses(t *testing.T) {
	b := newMigratedBox(t)
	b.refused(2, []string{"NATS_URL", "firstlight run"}, "collect")
	d := b.start("run")
	b.env["NATS_URL"] = "nats://" + d.at.NATS
	for _, c := range []struct{ setting, value, word string }{
		{"FIRSTLIGHT_WRITE_KEYS", plantedSecret, "line 1 is one word"},
		{"FIRSTLIGHT_WRITE_KEYS", plantedSecret + " we.b", "the source"},
		{"FIRSTLIGHT_COLLECT_PROXIES", "proxy", "10.0.0.0/8"},
		{"FIRSTLIGHT_COLLECT_ADDR", "8088", "127.0.0.1:8088"},
		{"FIRSTLIGHT_COLLECT_RATE", "fast", "a number"},
		{"FIRSTLIGHT_COLLECT_MAX_EVENT", "1", "262144"},
	} {
		one := newOther(b)
		one.env["FIRSTLIGHT_COLLECT_ADDR"] = "127.0.0.1:0"
		one.env[c.setting] = c.value
		one.refused(2, []string{c.setting, c.word}, "collect")
	}
	taken := newOther(b)
	taken.env["FIRSTLIGHT_COLLECT_ADDR"] = d.at.HTTP
	taken.refused(1, []string{"FIRSTLIGHT_COLLECT_ADDR"}, "collect")
	gone := newOther(b)
	gone.env["NATS_URL"], gone.env["FIRSTLIGHT_COLLECT_ADDR"], gone.env["FIRSTLIGHT_START_WAIT"] = "nats://"+freeAddr(t), "127.0.0.1:0", "0s"
	gone.refused(1, []string{"NATS_URL"}, "collect")
}
