package main

import (
	"maps"
	"strings"
	"testing"
)

const annotationRows = "SELECT source, id, kind, title, time, until FROM annotations ORDER BY source, id"

// TestAnnotations: what the command publishes before a start is stored by run --drain, what apps publish shows while
// it runs, and what is refused is a dead letter in no account of events.
func TestAnnotations(t *testing.T) {
	b := newSharedBox(t)
	b.must("publish", "--historical", b.write("events.ndjson", funnel))
	id := strings.TrimSpace(b.must("annotate", "--kind", "campaign", "--title", "Spring sale", "--time", "2026-03-01T00:00:00+01:00"))
	b.must("annotate", "--kind", "deploy", "--title", "Release 7", "--source", "ci", "--id", "7", "--time", "2026-03-03T14:00:00Z")
	b.must("run", "--drain")
	const release = "ci\t7\tdeploy\tRelease 7\t2026-03-03 14:00:00.000\t\\N"
	if got, want := b.tsv(annotationRows), release+"\ncli\t"+id+"\tcampaign\tSpring sale\t2026-02-28 23:00:00.000\t\\N"; got != want {
		t.Errorf("the view has\n%s\nwant\n%s", got, want)
	}
	before := b.accounts()

	d := b.start("run")
	js := d.jetstream()
	for _, body := range []string{"nonsense", `{"kind":"holiday","title":"Easter"}`, `{"id":"easter","kind":"expected","title":"Easter","time":"2026-04-05T00:00:00Z"}`} {
		if _, err := js.Publish(t.Context(), "annotations.people", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	b.must("annotate", "--id", id, "--delete")
	want := release + "\npeople\teaster\texpected\tEaster\t2026-04-05 00:00:00.000\t\\N"
	b.eventually("the annotations show", func() bool { return d.tsv(annotationRows) == want })
	dead, err := js.Stream(t.Context(), "EVENTS_DEAD")
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"dead.malformed.annotations.people.*", "dead.invalid_kind.annotations.people.*"} {
		if m, err := dead.GetLastMsgForSubject(t.Context(), subject); err != nil || m.Header.Get("Firstlight-Subject") != "annotations.people" {
			t.Errorf("%s: %v %v", subject, m, err)
		}
	}
	b.refused(2, []string{`no metric "activatd"`, "activated"}, "annotate", "--kind", "action", "--title", "x", "--metric", "activatd")
	b.refused(2, []string{"--expects -0.05", "write +0.05"}, "annotate", "--kind", "action", "--title", "x", "--metric", "activated", "--expects", "-0.05")
	b.refused(2, []string{`no incident "i1"`, "there is none"}, "annotate", "--kind", "action", "--title", "x", "--metric", "activated", "--incident", "i1")
	b.must("annotate", "--kind", "action", "--title", "Shorter form", "--metric", "activated", "--expects", "+0.05", "--id", "form", "--time", "2026-03-03T12:00:00Z")
	b.eventually("the action shows", func() bool {
		return d.tsv("SELECT id, expects, verdict FROM action_effects") == "form\t0.05\tnot known yet"
	})
	b.must("annotate", "--id", "form", "--delete")
	b.eventually("it is withdrawn", func() bool { return d.tsv("SELECT count() FROM action_effects") == "0" })
	after := b.accounts()
	for i := range after.Partitions {
		was, is := before.Partitions[i], after.Partitions[i]
		if was.Received != is.Received || was.Applied != is.Applied || !maps.Equal(was.Dead, is.Dead) {
			t.Errorf("partition %d was %+v, and is %+v after annotations", i, was, is)
		}
	}
	if code, _ := d.terminate(); code != 0 {
		t.Errorf("exit %d:\n%s", code, d.stderr)
	}

	b.must("run", "--rebuild", "--drain")
	if got := b.tsv(annotationRows); got != want {
		t.Errorf("rebuilt, the view has\n%s\nwant\n%s", got, want)
	}
}

func TestAnnotateUsage(t *testing.T) {
	b := newBox(t)
	for _, c := range []struct {
		args  string
		words []string
	}{
		{"--kind=deploy", []string{"missing_title", "title"}},
		{"--title=x", []string{"invalid_kind", "deploy, campaign"}},
		{"--kind=deplyo --title=x", []string{`did you mean "deploy"?`}},
		{"--kind=deploy --title=x --time=yesterday", []string{"bad_timestamp", "yesterday", "RFC 3339"}},
		{"--kind=deploy --title=x --time=2026-03-03T14:00:00Z --until=2026-03-03T13:00:00Z", []string{"until"}},
		{"--kind=deploy --title=x --url=example", []string{"invalid_url", "https://"}},
		{"--kind=deploy --title=x --source=a.b", []string{"source", "a.b"}},
		{"--kind=deploy --title=x --source=", []string{"--source"}},
		{"--kind=action --title=x --metric=activated --expects=5", []string{"5, is no share", "+0.05"}},
		{"--kind=deploy --title=x --metric=activated --expects=+0.05", []string{"only of an action"}},
		{"--delete", []string{"id"}},
		{"deploy", []string{`"deploy"`}},
	} {
		b.refused(2, c.words, append([]string{"annotate"}, strings.Fields(c.args)...)...)
	}
}
