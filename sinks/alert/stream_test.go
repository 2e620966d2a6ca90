package alert_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/stream"
	"firstlight/sinks/alert"
)

// published returns what is on the stream: subject and message id of each.
func published(t testing.TB, js jetstream.JetStream) (all []string) {
	t.Helper()
	for _, m := range stored(t, js) {
		all = append(all, m.Subject+" "+m.Header.Get(nats.MsgIdHdr))
	}
	return all
}

// stored returns the messages of the stream.
func stored(t fataler, js jetstream.JetStream) (all []*jetstream.RawStreamMsg) {
	s, err := js.Stream(context.Background(), stream.AnomalyStream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		m, err := s.GetMsg(context.Background(), seq)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// fataler is a test, rapid's or Go's.
type fataler interface{ Fatal(args ...any) }

// onStream returns the ids of an incident's messages on the stream.
func onStream(t fataler, js jetstream.JetStream, incident string) (all []string) {
	for _, m := range stored(t, js) {
		if id := m.Header.Get(nats.MsgIdHdr); strings.HasPrefix(id, incident+"-") {
			all = append(all, id)
		}
	}
	return all
}

var storyOfA = []anomaly.Message{
	message("a", 1, anomaly.Opened, anomaly.Warning), message("a", 2, anomaly.Updated, anomaly.Critical),
	message("a", 3, anomaly.NoData, anomaly.Critical), message("a", 4, anomaly.Resolved, anomaly.Critical),
}

const storyPublished = "[anomalies.warning.activated a-1 anomalies.critical.activated a-2 anomalies.critical.activated a-3 anomalies.critical.activated a-4]"

// TestStreamHoldsEveryMessage: each once, however often it is told, over restarts.
func TestStreamHoldsEveryMessage(t *testing.T) {
	js := connect(t)
	l := begin(t, config(), js)
	l.deliver(storyOfA[:2]...)
	l.deliver(storyOfA[:3]...)
	l.stop()
	l = begin(t, config(), js)
	l.deliver(storyOfA...)
	l.deliver(storyOfA...)
	if got := fmt.Sprint(published(t, js)); got != storyPublished {
		t.Errorf("the stream holds %s", got)
	}
	s, err := js.Stream(t.Context(), stream.AnomalyStream)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.CachedInfo().Config; c.Retention != jetstream.LimitsPolicy || c.Storage != jetstream.FileStorage || c.MaxAge != 365*24*time.Hour || c.Duplicates != 24*time.Hour {
		t.Errorf("the stream is %+v", c)
	}
	m, err := s.GetMsg(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		ID, Type, Source, SpecVersion string
		Data                          anomaly.Message
	}
	if err := json.Unmarshal(m.Data, &event); err != nil {
		t.Fatal(err)
	}
	if event.ID != "a-3" || event.Type != "firstlight.incident.updated" || event.Source != "firstlight/acme" || event.SpecVersion != "1.0" || event.Data.N != 412 {
		t.Errorf("the event is %s", m.Data)
	}
}

// TestStreamAfterCrash: what was published before a crash is not published again, within the duplicate window and
// after it.
func TestStreamAfterCrash(t *testing.T) {
	for _, window := range []time.Duration{0, 100 * time.Millisecond} {
		t.Run(window.String(), func(t *testing.T) {
			js := connect(t)
			if window > 0 {
				if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream.AnomalyStream, Subjects: []string{"anomalies.>"}, Duplicates: window}); err != nil {
					t.Fatal(err)
				}
			}
			first := begin(t, config(), js, func(a *alert.Alerts) {
				n := 0
				a.CrashAt(func(_, at string) bool {
					if at == "after sending" {
						n++
					}
					return n == 2
				})
			})
			first.Tell(storyOfA)
			<-first.done
			if got := len(published(t, js)); got != 2 {
				t.Fatalf("%d messages before the crash, want 2", got)
			}
			if window > 0 {
				taken := 0
				until(t, "the stream has forgotten an id that is younger", func() bool {
					m := &nats.Msg{Subject: "anomalies.warning.other", Header: nats.Header{nats.MsgIdHdr: {"young"}}}
					if ack, err := js.PublishMsg(t.Context(), m); err == nil && !ack.Duplicate {
						taken++
					}
					return taken == 2
				})
			}
			begin(t, config(), js).deliver(storyOfA...)
			got := strings.ReplaceAll(fmt.Sprint(published(t, js)), " anomalies.warning.other young", "")
			if got != storyPublished {
				t.Errorf("the stream holds %s", got)
			}
		})
	}
}

// TestTwoLedgers: what one database has sent is news for another.
func TestTwoLedgers(t *testing.T) {
	js := connect(t)
	hook := record(t, 200, nil)
	for _, identity := range []string{"one", "two.half", "one", "two.half"} {
		cfg := config()
		cfg.Identity, cfg.WebhookURL = identity, hook.URL
		l := begin(t, cfg, js)
		l.deliver(storyOfA...)
		l.stop()
	}
	if n := len(hook.seen()); n != 8 {
		t.Errorf("%d requests, want 4 of each", n)
	}
}

func TestStreamsThatDoNotFit(t *testing.T) {
	for word, c := range map[string]jetstream.StreamConfig{
		"retention":  {Subjects: []string{"anomalies.>"}, Retention: jetstream.WorkQueuePolicy},
		"severities": {Subjects: []string{"anomalies.critical.>"}},
	} {
		js := connect(t)
		c.Name = stream.AnomalyStream
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		_, err := alert.New(config(), js, zap.NewNop())
		if err == nil || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), "ANOMALIES") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: the error is %v", c, err)
		}
	}
}

// TestLast: the newest message about a metric of the product, of any severity; tests and others' messages are none.
func TestLast(t *testing.T) {
	js := connect(t)
	l := begin(t, config(), js)
	last := func() string {
		m, err := l.Last(t.Context(), "activated")
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			return ""
		}
		return m.ID()
	}
	if got := last(); got != "" {
		t.Errorf("before any message the last is %s", got)
	}
	trial := message("trial", 1, anomaly.Opened, anomaly.Critical)
	trial.Test = true
	exports := message("e", 1, anomaly.Opened, anomaly.Critical)
	exports.Metric.Name = "exports"
	l.deliver(append(append([]anomaly.Message{}, storyOfA[:2]...), trial, exports)...)
	l.deliver(message("z", 1, anomaly.Opened, anomaly.Warning))
	l.stop()
	other := config()
	other.Product, other.Identity = "other", "other"
	begin(t, other, js).deliver(message("o", 1, anomaly.Opened, anomaly.Critical))
	if _, err := js.Publish(t.Context(), "anomalies.critical.activated", []byte("by hand")); err != nil {
		t.Fatal(err)
	}
	if got := last(); got != "z-1" {
		t.Errorf("the last message is %s, want z-1", got)
	}
}
