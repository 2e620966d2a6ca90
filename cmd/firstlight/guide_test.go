package main

import (
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
	"firstlight/pipeline/simulate"
	"firstlight/pipeline/stream"
	"firstlight/schemas"
)

// TestReaders reads the example product as people do: the queries of the documents, and clients of other makers.
func TestReaders(t *testing.T) {
	r := exampleProduct(t)
	t.Run("complete", r.complete)
	t.Run("documents", r.documents)
	t.Run("clickhouse-go", r.clickhouseGo)
	t.Run("node", r.node)
}

// readers read the database of one running firstlight, at the port that its engine has for them.
type readers struct{ address string } // user, password, host and port

// exampleProduct runs what docs/bi.md queries: the simulated product for six weeks, of which the invite mail was broken
// for three days by a release, with a channel and an experiment at sign-up, from two sources.
func exampleProduct(t *testing.T) readers {
	t.Helper()
	b := newMigratedBox(t)
	b.write("catalog.yaml", string(schemas.ExampleDemo))
	server, err := stream.StartEmbedded("127.0.0.1:0", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Shutdown(); server.WaitForShutdown() })
	b.env["NATS_URL"] = server.ClientURL()
	messages := exampleMessages()
	publishAll(t, server.ClientURL(), messages) // before the worker: a stream without a past begins now
	b.must("annotate", "--kind", "deploy", "--title", "Release 7", "--source", "ci", "--id", "release-7", "--time", "2026-04-01T09:00:00Z")
	b.env["FIRSTLIGHT_READER_PASSWORD"] = "a password"
	r := readers{"anybody:a%20password@" + b.start("run").at.ClickHouse}
	for what, want := range map[string]string{
		"SELECT sum(received) FROM pipeline_progress": fmt.Sprint(len(messages)), "SELECT count() FROM annotations": "1",
		"SELECT max(lag) FROM pipeline_progress": "0",
	} {
		b.eventually(what+" is "+want, func() bool {
			got, err := r.ask(what, "TSV")
			return err == nil && strings.TrimSpace(got) == want
		})
	}
	return r
}

// publishAll publishes messages into the event stream, in order.
func publishAll(t *testing.T, server string, messages []*nats.Msg) {
	t.Helper()
	js := jetstreamAt(t, server)
	if _, err := stream.Ensure(t.Context(), js, "EVENTS"); err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if _, err := js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
}

// exampleMessages are the product's events in order of time, received when they happened.
func exampleMessages() (messages []*nats.Msg) {
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	at := func(days, hours int) int64 {
		return from.AddDate(0, 0, days).Add(time.Duration(hours) * time.Hour).UnixMilli()
	}
	p := simulate.Product{
		Seed: 7, From: at(0, 0), Until: at(42, 0), PerDay: 100,
		Outages: []simulate.Outage{{From: at(30, 9), Until: at(33, 9)}},
	}
	for _, e := range simulate.EventsBetween(p.Users(), p.From, p.Until) {
		hash := fnv.New32a()
		hash.Write([]byte(e.User))
		drawn := hash.Sum32()
		m := nats.NewMsg(event.Subject([...]string{"web", "web", "ios"}[drawn/11%3], e.User))
		m.Data = e.JSON()
		m.Header.Set(event.ReceivedHeader, time.UnixMilli(e.Time).UTC().Format("2006-01-02T15:04:05.000Z"))
		messages = append(messages, m)
	}
	return messages
}

// complete checks that the two views about metrics leave out nothing that a metric has.
func (r readers) complete(t *testing.T) {
	for what, want := range map[string]string{
		`SELECT count(), countIf(value > low AND value < high AND n > 0 AND as_of > '2026-04-12' AND owner != '' AND NOT review_overdue),
			countIf(target_value > 0 AND target_by > '2030-01-01' AND pace > 0.5 AND pace < 2), countIf(previous_value > 0), countIf(review_by = '2030-01-15')
		FROM metric_status`: "10\t10\t3\t5\t1",
		`SELECT count(), countIf(owner != '' AND objective != '' AND indicator IN ('leading', 'lagging') AND direction IN ('up', 'down') AND action != ''
				AND formula != '' AND length(definition_hash) = 32 AND active_since > '2026-01-01' AND complete_from > '2026-03-02' AND complete_from < '2026-03-03'),
			countIf(runbook != '' AND labels['team'] = 'growth' AND target_value = 0.4 AND target_by = '2030-03-31' AND review_by = '2030-01-15'),
			countIf(description != ''), countIf(guardrails = '[]'), countIf(JSONExtractString(guardrails, 1, 'severity') IN ('critical', 'warning'))
		FROM metric_catalog`: "10\t10\t1\t10\t7\t3",
	} {
		got, err := r.ask(what, "TSV")
		if err != nil || strings.TrimSpace(got) != want {
			t.Errorf("%s\nis %s %v\nwant %s", what, got, err, want)
		}
	}
}

// ask runs SQL as a user who may only read.
func (r readers) ask(sql, format string) (string, error) {
	parameters := url.Values{"database": {"firstlight"}, "readonly": {"1"}, "default_format": {format}}
	answer, err := http.Post("http://"+r.address+"/?"+parameters.Encode(), "text/plain", strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", body)
	}
	return string(body), err
}
