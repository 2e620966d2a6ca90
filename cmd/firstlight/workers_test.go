package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"firstlight/cmd/firstlight/health"
)

// colleague is a worker of its own process on servers that it does not embed.
type colleague struct {
	b      *box
	c      *exec.Cmd
	stderr string // path
	done   chan struct{}
}

// colleague starts a worker on the servers of a daemon.
func (d *daemon) colleague(database string) *colleague {
	d.b.t.Helper()
	o := newOther(d.b)
	o.env["NATS_URL"], o.env["CLICKHOUSE_URL"], o.env["FIRSTLIGHT_DATABASE"], o.env["LOG_FORMAT"] = "nats://"+d.at.NATS, d.clickHouse(), database, "json"
	c := &colleague{b: o, c: o.command(d.b.t.Context(), "run"), stderr: filepath.Join(o.dir, "stderr"), done: make(chan struct{})}
	stderr, err := os.Create(c.stderr)
	if err != nil {
		d.b.t.Fatal(err)
	}
	defer stderr.Close()
	c.c.Stderr = stderr
	if err := c.c.Start(); err != nil {
		d.b.t.Fatal(err)
	}
	go func() { _ = c.c.Wait(); close(c.done) }()
	d.b.t.Cleanup(func() { _ = c.c.Process.Kill(); <-c.done })
	return c
}

var servesAt = regexp.MustCompile(`"http":"([^"]+)"`)

// ready is what the worker says of itself, status 0 while it does not serve.
func (c *colleague) ready() (status int, said health.Answer) {
	said.Wrong = []string{"it does not serve"}
	m := servesAt.FindStringSubmatch(file(c.b.t, c.stderr))
	if m == nil {
		return 0, said
	}
	answer, err := http.Get("http://" + m[1] + "/readyz")
	if err != nil {
		return 0, said
	}
	defer answer.Body.Close()
	said = health.Answer{}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		c.b.t.Fatal(err)
	}
	return answer.StatusCode, said
}

func (c *colleague) signal(s syscall.Signal) {
	c.b.t.Helper()
	if err := c.c.Process.Signal(s); err != nil {
		c.b.t.Fatal(err)
	}
}

// holds is how many of a database's partitions each of the workers holds.
func (d *daemon) holds(database string, workers ...*colleague) (counts []int) {
	rows := d.tsv("SELECT extract(worker, '[0-9]+$'), count() FROM " + database + ".pipeline_progress GROUP BY ALL")
	for _, w := range workers {
		counts = append(counts, 0)
		for _, row := range strings.Split(rows, "\n") {
			var pid, n int
			if _, err := fmt.Sscan(row, &pid, &n); err == nil && pid == w.c.Process.Pid {
				counts[len(counts)-1] = n
			}
		}
	}
	return counts
}

// TestThreeWorkers: three processes share the partitions of one database. One is killed, one is paused for longer than leases last and
// wakes, one is stopped, and one joins, while events come. In the end all views are those that one worker alone computed beside them.
func TestThreeWorkers(t *testing.T) {
	b := newMigratedBox(t)
	d := b.start("run")
	events := productEvents(14, 60)
	part := func(i int) {
		lines := events[len(events)*i/5 : len(events)*(i+1)/5]
		b.must("publish", "--historical", b.write(fmt.Sprint("part", i, ".ndjson"), strings.Join(lines, "\n")+"\n"))
	}
	part(0)
	one, two, three := d.colleague("shared"), d.colleague("shared"), d.colleague("shared")
	moved := func(what string, workers ...*colleague) {
		t.Helper()
		began := time.Now()
		b.eventually(what, func() bool {
			counts := d.holds("shared", workers...)
			for _, n := range counts {
				if n < 16/len(workers) || n > (16+len(workers)-1)/len(workers) {
					return false
				}
			}
			return true
		})
		t.Logf("%s after %s", what, time.Since(began).Round(time.Millisecond))
	}
	b.eventually("the database is there", func() bool {
		return d.tsv("SELECT count() FROM system.tables WHERE database = 'shared' AND name = 'pipeline_progress'") == "1"
	})
	moved("three share", one, two, three)
	part(1)

	_ = one.c.Process.Kill()
	<-one.done
	moved("two share what the killed one held", two, three)
	part(2)

	two.signal(syscall.SIGSTOP)
	moved("one has what the paused one held", three)
	part(3)
	two.signal(syscall.SIGCONT)
	moved("the one that woke has its share again", two, three)

	four := d.colleague("shared")
	moved("three share with the one that joined", two, three, four)
	three.signal(syscall.SIGTERM)
	<-three.done
	if code := three.c.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the stopped one ended with %d:\n%s", code, file(t, three.stderr))
	}
	moved("two share what the stopped one held", two, four)
	part(4)
	for _, w := range []*colleague{two, four} {
		b.eventually("it is ready", func() bool { status, _ := w.ready(); return status == http.StatusOK })
	}
	for _, database := range []string{"firstlight", "shared"} {
		b.eventually("all is stored", func() bool {
			return d.tsv("SELECT sum(received), sum(lag), min(applied_seq) FROM "+database+".pipeline_progress") == fmt.Sprintf("%d\t0\t%d", len(events), len(events))
		})
	}
	for view, columns := range comparedViews {
		query := func(database string) string {
			return d.tsv("SELECT " + columns + " FROM " + database + "." + view + " ORDER BY ALL")
		}
		if shared, alone := query("shared"), query("firstlight"); shared != alone {
			t.Errorf("%s differs between several workers and one:\n%s", view, firstDifference(shared, alone))
		}
	}
	o := two.b
	if text := o.must("status"); strings.Count(text, "\nworker ") != 2 || !strings.Contains(text, "holds 8 partitions") {
		t.Errorf("status does not say who holds what:\n%s", text)
	}
	o.must("run", "--drain") // beside workers it ends once they have stored all

	// NATS hangs: who has stored all ends as one who has, though the server does not hear that it goes.
	hang := func(signal syscall.Signal) {
		if err := d.c.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	hang(syscall.SIGSTOP)
	defer hang(syscall.SIGCONT)
	four.signal(syscall.SIGTERM)
	<-four.done
	if code := four.c.ProcessState.ExitCode(); code != 0 || strings.Contains(file(t, four.stderr), "could not store") {
		t.Errorf("beside a server that hangs it ended with %d:\n%s", code, file(t, four.stderr))
	}
}
