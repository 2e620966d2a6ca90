package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"firstlight/pipeline/event"
	"firstlight/pipeline/testtool"
)

// TestPublishingExamples runs the programs that docs/events.md gives to app developers, and finds what they send.
func TestPublishingExamples(t *testing.T) {
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	b := newMigratedBox(t)
	d := b.start("run")
	connected := strings.ReplaceAll(string(text), "nats://127.0.0.1:4222", "nats://"+d.at.NATS)

	programs := blocks(connected, "go")
	if len(programs) != 2 {
		t.Fatalf("%d Go programs, want one that publishes an event and one that annotates", len(programs))
	}
	for _, program := range programs {
		command := exec.CommandContext(t.Context(), "go", "run", b.write("main.go", program))
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	}
	d.sent(t, "api", "signed_up")
	b.eventually("the annotation shows", func() bool { return d.tsv("SELECT title FROM annotations") == "Release 7" })

	t.Run("python", func(t *testing.T) {
		python := testtool.Path(t, "python3")
		for _, program := range blocks(connected, "python") {
			if output, err := exec.Command(python, "-m", "py_compile", b.write("main.py", program)).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		}
	})
	t.Run("node", func(t *testing.T) {
		for _, program := range blocks(connected, "js") {
			runNode(t, "@nats-io/jetstream", program)
		}
		d.sent(t, "web", "project_created")
		b.eventually("both are applied", func() bool { return d.tsv("SELECT sum(applied) FROM pipeline_progress") == "2" })
	})
}

// sent checks the newest message of a source: where it went, its id, and that it is an event of ada's.
func (d *daemon) sent(t *testing.T, source, name string) {
	t.Helper()
	events, err := d.jetstream().Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	m, err := events.GetLastMsgForSubject(t.Context(), "events."+source+".>")
	if err != nil {
		t.Fatal(err)
	}
	var body struct{ MessageID string }
	if err := json.Unmarshal(m.Data, &body); err != nil {
		t.Fatal(err)
	}
	var e event.Event
	r := event.Parse(&event.Message{Subject: m.Subject, Stored: m.Time.UnixMilli(), Data: m.Data}, false, &e)
	if r.Verdict != event.Accepted || e.Name != name || e.User != "ada" || e.Clamped {
		t.Errorf("%s is judged %+v", m.Data, r)
	}
	if m.Subject != event.Subject(source, "ada") || m.Header.Get("Nats-Msg-Id") != source+":"+body.MessageID || body.MessageID == "" {
		t.Errorf("%s went to %s with the headers %v", m.Data, m.Subject, m.Header)
	}
}

// blocks returns the code blocks of a document in one language.
func blocks(text, language string) (all []string) {
	for _, part := range strings.Split(text, "```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "```\n")
		all = append(all, block)
	}
	return all
}
