package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"firstlight/pipeline/simulate"
	"firstlight/pipeline/testtool"
)

// productEvents are the events of a simulated product from 2026-03-02 on, one JSON object each, in order.
func productEvents(days int, perDay float64) (lines []string) {
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	until := from.AddDate(0, 0, days)
	p := simulate.Product{Seed: 11, From: from.UnixMilli(), Until: until.UnixMilli(), PerDay: perDay}
	for _, e := range simulate.EventsBetween(p.Users(), p.From, p.Until) {
		lines = append(lines, string(e.JSON()))
	}
	return lines
}

const funnel = `{"event":"signed_up","userId":"u1","timestamp":"2026-03-02T10:00:00Z","properties":{"plan":"pro"}}
{"event":"project_created","userId":"u1","timestamp":"2026-03-02T11:00:00Z"}
{"event":"invite_sent","userId":"u1","timestamp":"2026-03-03T10:00:00Z"}
{"event":"invite_sent","userId":"u1","timestamp":"2026-03-04T10:00:00Z"}
{"event":"signed_up","userId":"u2","timestamp":"2026-03-05T10:00:00Z","properties":{"plan":"free"}}
{"type":"identify","userId":"u2","timestamp":"2026-03-06T10:00:00Z"}
{"event":"signed_up","userId":"u3","timestamp":"2026-03-20T10:00:00Z"}
`

func TestPublishDrainQuery(t *testing.T) {
	b := newBox(t)
	b.must("publish", "--historical", b.write("events.ndjson", funnel))
	b.must("run", "--drain")
	got := b.tsv("SELECT cohort_start, entered, eligible, activated, rate FROM activation_by_cohort WHERE metric = 'activated' ORDER BY cohort_start")
	if want := "2026-03-02\t2\t2\t1\t0.5\n2026-03-16\t1\t0\t0\t\\N"; got != want {
		t.Errorf("activation:\n%s\nwant\n%s", got, want)
	}
	s := b.accounts()
	received, applied, ignored := uint64(0), uint64(0), uint64(0)
	for _, p := range s.Partitions {
		received, applied, ignored = received+p.Received, applied+p.Applied, ignored+p.Ignored
	}
	if len(s.Partitions) != 16 || received != 7 || applied != 6 || ignored != 1 || s.Lag != 0 {
		t.Errorf("status: %+v", s)
	}
	if at := when(s.AsOf); at != "2026-03-20T10:00:00.000Z" {
		t.Errorf("as of %s, the newest event was received at 2026-03-20T10:00:00.000Z", at)
	}
	if text := b.must("status"); !strings.Contains(text, "Dead letters by reason: none") {
		t.Errorf("status:\n%s", text)
	}

	// A second import goes on where the first ended; a line that is no event is named.
	r := b.firstlightWith(`{"event":"invite_sent","userId":"u3"}`+"\nnonsense\n", "publish", "--source", "web", "-")
	if r.code != 1 || !strings.Contains(r.stderr, "stdin:2: malformed") {
		t.Errorf("exit %d:\n%s", r.code, r.stderr)
	}
	b.must("run", "--drain")
	if got := b.tsv("SELECT sum(events) FROM event_volume WHERE source = 'web' AND window = '1d'"); got != "1" {
		t.Errorf("%s events from the source web, want 1", got)
	}
	// The past cannot be put behind the present, where the catalog does not allow it.
	b.refused(1, []string{"allowed_lateness", "Nothing was published"}, "publish", "--historical", b.write("more.ndjson", funnel))
}

func TestQueryFormats(t *testing.T) {
	b := newMigratedBox(t)
	b.start("run")
	const sql = "SELECT 1 AS n, 'a\tb' AS s"
	for format, want := range map[string]string{
		"": "n\ts\n1\ta\\tb\n", "CSVWithNames": "\"n\",\"s\"\n1,\"a\tb\"\n", "JSONEachRow": `{"n":1,"s":"a\tb"}` + "\n",
	} {
		if got := b.must("query", "--format", format, sql); got != want {
			t.Errorf("%q: %q, want %q", format, got, want)
		}
	}
	if r := b.firstlightWith("SELECT currentDatabase() FORMAT TSV", "query", "-"); r.stdout != "firstlight\n" {
		t.Errorf("the database is %q: %s", r.stdout, r.stderr)
	}
	b.refused(1, []string{"ClickHouse: ", "nothing_here"}, "query", "SELECT * FROM nothing_here")
	b.refused(2, []string{"one argument"}, "query")
}

func TestRunServesAndStops(t *testing.T) {
	b := newBox(t)
	d := b.start("run")
	b.must("publish", b.write("now.ndjson", `{"event":"signed_up","userId":"u1","properties":{"plan":"pro"}}`+"\n"+`{"event":"project_created","userId":"u1"}`))
	b.eventually("both events show", func() bool {
		return d.tsv("SELECT sum(events) FROM event_volume WHERE window = '1d'") == "2"
	})
	for _, path := range []string{"/healthz", "/readyz", "/"} {
		if err := status200("http://" + d.at.HTTP + path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	b.env["FIRSTLIGHT_HTTP_ADDR"] = d.at.HTTP
	b.must("health", "--ready")
	var metrics string
	b.eventually("the worker has reported", func() bool {
		metrics = get(t, "http://"+d.at.HTTP+"/metrics")
		return strings.Contains(metrics, "firstlight_as_of_timestamp_seconds{")
	})
	sum := 0
	for line := range strings.Lines(metrics) {
		var partition, n int
		if _, err := fmt.Sscanf(line, `firstlight_events_applied_total{partition="%d"} %d`, &partition, &n); err == nil {
			sum += n
		}
	}
	if sum != 2 {
		t.Errorf("firstlight_events_applied_total is %d over all partitions, want 2", sum)
	}
	for _, name := range []string{
		"firstlight_lag_messages{", `firstlight_events_dead_total{partition="0",reason="late"} 0`,
		"firstlight_flush_duration_seconds_bucket{", "firstlight_users{", "firstlight_users_known{", "firstlight_users_returned_total", "go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(metrics, name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
	b.must("publish", b.write("last.ndjson", `{"event":"invite_sent","userId":"u1"}`))
	if code, took := d.terminate(); code != 0 && took < stopPatience { // a machine that needs longer is told so, and loses nothing
		t.Errorf("SIGTERM: exit %d after %s\n%s", code, took, d.stderr)
	}
	b.refused(1, []string{"no answer"}, "health")
	b.must("run", "--drain")
	if got := b.tsv("SELECT sum(events) FROM event_volume WHERE window = '1d'"); got != "3" {
		t.Errorf("%s events after the restart, want 3", got)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestEngineDies kills the engine under a running worker, which goes on with the one that takes its place.
func TestEngineDies(t *testing.T) {
	b := newMigratedBox(t)
	d := b.start("run")
	engines, err := exec.Command(testtool.Path(t, "pgrep"), "-P", fmt.Sprint(d.c.Process.Pid)).Output()
	if err != nil {
		t.Fatalf("the engine's process cannot be found: %v", err)
	}
	for engine := range strings.Lines(string(engines)) {
		var pid int
		if _, err := fmt.Sscan(engine, &pid); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	b.must("publish", "--historical", b.write("events.ndjson", funnel))
	b.eventually("the events are stored by another engine", func() bool {
		select {
		case <-d.done:
			t.Fatalf("run ended with the engine: %s", d.stderr)
		default:
		}
		r := b.firstlight("query", "--format", "TSV", "SELECT sum(entered) FROM activation_by_cohort WHERE metric = 'activated'")
		return r.code == 0 && strings.TrimSpace(r.stdout) == "3"
	})
	if code, took := d.terminate(); code != 0 && took < stopPatience {
		t.Errorf("SIGTERM: exit %d after %s\n%s", code, took, d.stderr)
	}
}

func TestSecondRunOnTheSameData(t *testing.T) {
	b := newBox(t)
	d := b.start("run")
	b.refused(1, []string{"another firstlight uses the data directory", "FIRSTLIGHT_DATA_DIR"}, "run")

	// Its port for readers is no server for another one.
	b.env["FIRSTLIGHT_DATA_DIR"], b.env["CLICKHOUSE_URL"] = b.dir+"/other", "http://"+d.at.ClickHouse
	for _, command := range [][]string{{"run"}, {"status"}, {"query", "--write", "DROP TABLE firstlight.cells"}} {
		b.refused(2, []string{"CLICKHOUSE_URL", "only lets people read", "FIRSTLIGHT_DATA_DIR", "firstlight query"}, command...)
	}
	if got := b.must("query", "--format", "TSV", "SELECT count() FROM activation_by_cohort"); got != "0\n" {
		t.Errorf("query at that port answers %q", got)
	}
}

// TestPortOfADyingProcess: a port that is given up in a moment is waited for.
func TestPortOfADyingProcess(t *testing.T) {
	patience := portPatience
	portPatience = 5 * time.Minute
	defer func() { portPatience = patience }()
	dying, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { dying.Close() })
	s := &Settings{HTTPAddr: dying.Addr().String(), CollectAddr: dying.Addr().String()}
	l, err := s.listenHTTP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { l.Close() })
	if l, err = s.listenCollect(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestTakenPorts(t *testing.T) {
	for _, setting := range []string{"FIRSTLIGHT_HTTP_ADDR", "FIRSTLIGHT_NATS_ADDR", "FIRSTLIGHT_CLICKHOUSE_ADDR"} {
		t.Run(setting, func(t *testing.T) {
			b := newBox(t)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			b.env[setting] = l.Addr().String()
			b.refused(1, []string{setting, l.Addr().String(), "in use"}, "run")
		})
	}
}

func TestUnreachableServers(t *testing.T) {
	b := newBox(t)
	b.env["NATS_URL"], b.env["FIRSTLIGHT_START_WAIT"] = "nats://127.0.0.1:1", "0s"
	b.refused(1, []string{"NATS_URL", "127.0.0.1:1"}, "run")
	b = &box{t: t, dir: b.dir, env: b.env}
	b.env["NATS_URL"], b.env["CLICKHOUSE_URL"] = "", "http://u:secret@127.0.0.1:1"
	r := b.firstlight("run")
	if r.code != 1 || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "127.0.0.1:1") || strings.Contains(r.stderr, "secret") {
		t.Errorf("exit %d:\n%s", r.code, r.stderr)
	}
}

func TestMissingEngineLibrary(t *testing.T) {
	b := newBox(t)
	b.env["FIRSTLIGHT_LIBCHDB"] = "/nowhere/libchdb.so"
	b.refused(1, []string{"/nowhere/libchdb.so", "make engine", "FIRSTLIGHT_LIBCHDB", "CLICKHOUSE_URL"}, "run")
}

func TestBadSettings(t *testing.T) {
	b := newBox(t)
	for _, c := range []struct {
		setting, value string
		words          []string
	}{
		{"FIRSTLIGHT_PARTITIONS", "many", []string{`"many"`, "whole number"}},
		{"FIRSTLIGHT_PARTITIONS", "0", []string{"1 to 1024"}},
		{"FIRSTLIGHT_FLUSH_INTERVAL", "soon", []string{`"soon"`, "500ms"}},
		{"FIRSTLIGHT_MEMORY", "lots", []string{`"lots"`, "512MiB"}},
		{"FIRSTLIGHT_FLUSH_INTERVAL", "1ns", []string{"10ms"}},
		{"FIRSTLIGHT_DATABASE", "a-b", []string{`"a-b"`}},
		{"FIRSTLIGHT_STREAM", "a.b", []string{`"a.b"`}},
		{"FIRSTLIGHT_CLICKHOUSE_CLUSTER", "main", []string{`"main"`, "CLICKHOUSE_URL names no server"}},
		{"FIRSTLIGHT_HTTP_ADDR", "8080", []string{"FIRSTLIGHT_HTTP_ADDR", "127.0.0.1:8080"}},
		{"FIRSTLIGHT_HTTP_ADDR", "localhost", []string{"FIRSTLIGHT_HTTP_ADDR", "127.0.0.1:8080"}},
		{"FIRSTLIGHT_HTTP_ADDR", "::1", []string{"FIRSTLIGHT_HTTP_ADDR", "[::1]:8080"}},
		{"FIRSTLIGHT_NATS_ADDR", "127.0.0.1:nats", []string{"FIRSTLIGHT_NATS_ADDR", "127.0.0.1:4222", "number"}},
		{"FIRSTLIGHT_COLLECT_ADDR", "127.0.0.1", []string{"FIRSTLIGHT_COLLECT_ADDR", "127.0.0.1:8088"}},
		{"FIRSTLIGHT_NATS_ADDR", "0.0.0.0:4222", []string{"FIRSTLIGHT_NATS_ADDR", "loopback", "NATS_URL"}},
		{"FIRSTLIGHT_CLICKHOUSE_ADDR", "10.0.0.1:8123", []string{"FIRSTLIGHT_CLICKHOUSE_ADDR", "loopback", "CLICKHOUSE_URL"}},
		{"LOG_LEVEL", "loud", []string{`"loud"`, "debug"}},
		{"LOG_FORMAT", "xml", []string{`"xml"`, "json"}},
		{"NATS_URL_FILE", "/nowhere", []string{"/nowhere"}},
		{"FIRSTLIGHT_CATALOG", "/nowhere.yaml", []string{"/nowhere.yaml", "FIRSTLIGHT_CATALOG", "schemas/examples"}},
	} {
		one := &box{t: t, dir: b.dir, env: map[string]string{}}
		for k, v := range b.env {
			one.env[k] = v
		}
		one.env[c.setting] = c.value
		one.refused(2, c.words, "run")
	}
}

func TestBadUsage(t *testing.T) {
	b := newBox(t)
	b.refused(2, []string{`"qury"`, `"query"`}, "qury")
	b.refused(2, []string{`"zzzzzz"`, "publish"}, "zzzzzz")
	b.refused(2, []string{"--fast"}, "run", "--fast")
	b.refused(2, []string{`"now"`}, "run", "now")
	b.refused(2, []string{"nothing to publish"}, "publish")
	b.refused(2, []string{"one catalog file"}, "check")
	b.refused(2, []string{"xml"}, "status", "--format", "xml")
	if out := b.must("version"); !strings.HasPrefix(out, "firstlight ") || !strings.Contains(out, "2.11") || !strings.Contains(out, "25.3") {
		t.Errorf("version:\n%s", out)
	}
	if out := b.must("--version"); !strings.HasPrefix(out, "firstlight ") || strings.Count(out, "\n") != 1 {
		t.Errorf("--version:\n%s", out)
	}
	if out := b.must("--help"); !strings.Contains(out, "  health ") {
		t.Errorf("health is not among the commands:\n%s", out)
	}
	if out := b.must("completion", "bash"); !strings.Contains(out, "complete") {
		t.Errorf("completion bash:\n%s", out)
	}
	if out := b.must("run", "--help"); !strings.Contains(out, "FIRSTLIGHT_FLUSH_INTERVAL") || !strings.Contains(out, "(default 1s)") {
		t.Errorf("run --help does not list the settings:\n%s", out)
	}
}

func TestBadCatalog(t *testing.T) {
	b := newBox(t)
	path := b.write("catalog.yaml", strings.Replace(testCatalog, "kind: ttfv", "kind: tttv", 1))
	r := b.firstlight("run")
	if want := path + ":16:11: error:"; r.code != 2 || !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, "ttfv") {
		t.Errorf("run: exit %d, want 2 and %q:\n%s", r.code, want, r.stderr)
	}
	if r := b.firstlight("check", path); r.code != 1 || !strings.Contains(r.stdout, path+":16:11: error:") {
		t.Errorf("check: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestCheckLive(t *testing.T) {
	b := newMigratedBox(t)
	b.refused(1, []string{"no event was seen yet"}, "check", "--live", b.dir+"/catalog.yaml")
	b.must("publish", b.write("bare.ndjson", `{"event":"signed_up","userId":"u0"}`))
	if out := b.must("check", "--live", b.dir+"/catalog.yaml"); !strings.Contains(out, `no property "properties.rows" was ever seen`) {
		t.Errorf("where no event had properties, check --live misses none:\n%s", out)
	}
	b.must("publish", b.write("typo.ndjson", `{"event":"signed_up","userId":"u1","properties":{"plan":"pro"}}`+"\n"+
		`{"event":"project_create","userId":"u1","properties":{"row":7}}`))
	out := b.must("check", "--live", b.dir+"/catalog.yaml")
	for _, want := range []string{`no event "project_created" was ever seen: did you mean "project_create"?`, `no property "properties.rows" was ever seen`, "warning", ": OK, 1 cohort, 3 metrics"} {
		if !strings.Contains(out, want) {
			t.Errorf("check --live says nothing of %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, `"signed_up"`) || strings.Contains(out, "properties.plan") {
		t.Errorf("check --live complains about what was seen:\n%s", out)
	}
}

// newOther returns a box with data of its own in the same test.
func newOther(b *box) *box {
	o := &box{t: b.t, dir: ownDir(b.t), env: map[string]string{}}
	for k, v := range b.env {
		o.env[k] = v
	}
	o.env["FIRSTLIGHT_DATA_DIR"] = o.dir + "/data"
	return o
}

func TestStatusIsJSON(t *testing.T) {
	b := newMigratedBox(t)
	var s status
	if err := json.Unmarshal([]byte(b.must("status", "--format", "json")), &s); err != nil || len(s.Partitions) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if out := b.must("status"); !strings.Contains(out, "Nothing was processed yet") {
		t.Errorf("status of nothing: %s", out)
	}
}

// TestLateConversion has users convert days after the hour of their sign-up became final, while the worker runs on.
func TestLateConversion(t *testing.T) {
	b := newMigratedBox(t)
	d := b.start("run")
	day := func(n, user int, event string) string {
		return fmt.Sprintf(`{"event":%q,"userId":"u%d","timestamp":"2026-03-%02dT10:00:00Z","receivedAt":"2026-03-%02dT10:00:00Z"}`+"\n", event, user, n, n)
	}
	reports := ""
	for i, lines := range []string{
		day(2, 1, "signed_up") + day(2, 2, "signed_up") + day(3, 1, "report_shared"),
		day(6, 3, "signed_up"),
		day(9, 4, "signed_up"),
		day(10, 2, "report_shared"),
	} {
		b.must("publish", "--historical", b.write(fmt.Sprintf("part%d.ndjson", i), lines))
		reports += lines
		b.eventually("all is applied", func() bool {
			return d.tsv("SELECT sum(received) FROM pipeline_progress") == fmt.Sprint(strings.Count(reports, "\n"))
		})
	}
	if got := d.tsv("SELECT sum(reached) FROM ttfv_by_cohort WHERE cohort_start = '2026-03-02'"); got != "2" {
		t.Errorf("%s of 2 users shared a report", got)
	}
	if code, _ := d.terminate(); code != 0 {
		t.Errorf("SIGTERM: exit %d", code)
	}
}
