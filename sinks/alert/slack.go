package alert

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"firstlight/pipeline/anomaly"
)

const (
	maxSection   = 3000 // characters of a section, by Slack's rules
	maxDigested  = 20   // incidents a digest names
	maxSlackText = 1000 // characters of a text among others
)

// slack tells a channel when an incident opens, gets worse, has no data, or ends, and what came of an action about it. The rest is in the digest.
type slack struct {
	post    *poster
	product string
}

type slackMessage struct {
	Text   string       `json:"text"` // for notifications
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

func (d *slack) name() string    { return "slack" }
func (d *slack) key() string     { return place("slack", d.post.url.String()) }
func (d *slack) setting() string { return setSlack }

func (d *slack) plan(e *entry, waiting []*anomaly.Message) plan {
	m := newest(waiting)
	p := plan{do: send, message: m, news: newsFor(e, m, m.Open()), after: e.told(m, m.Open())}
	switch {
	case m.Outcome != nil && (p.news == goesOn || p.news == wasShort): // who else is told is told where the incident stands
		p.do, p.news = limited, follows
	case p.news == goesOn || p.news == wasShort:
		p.do = withhold
	case p.news != ends && m.Severity != anomaly.Critical:
		p.do = limited
	}
	return p
}

func (d *slack) deliver(ctx context.Context, _ *entry, p plan) (string, error) {
	return d.post.sendJSON(ctx, d.write(p.message, p.news))
}

// write lays out a message.
func (d *slack) write(m *anomaly.Message, what news) *slackMessage {
	word := string(what)
	if what == ends && m.Reason == anomaly.Muted {
		word = "muted" // nothing is well yet
	}
	head := fmt.Sprintf("%s %s: %s", strings.ToUpper(string(m.Severity)), word, m.Title)
	if what == follows {
		head = "What came of it: " + m.Title
	}
	body := "*" + escape(head, maxSlackText) + "*\n" + escape(m.Summary, maxSlackText)
	s := &slackMessage{Text: escape(head+". "+m.Summary, maxSection)}
	s.Blocks = append(s.Blocks, section(body))
	if what != ends && what != follows {
		if text := description(m); text != "" {
			s.Blocks = append(s.Blocks, section(escape(text, maxSection)))
		}
	}
	foot := escape(fmt.Sprintf("%s · %s · %s", d.product, m.Metric.Name, m.Incident), maxSlackText)
	for _, l := range []struct{ address, text string }{{m.Metric.Runbook, "Runbook"}, {m.Link, "Numbers"}} {
		if to := webAddress(l.address); to != "" && len(to) < maxSlackText {
			foot += " · <" + escape(strings.ReplaceAll(to, "|", "%7C"), maxSection) + "|" + l.text + ">"
		}
	}
	s.Blocks = append(s.Blocks, slackBlock{Type: "context", Elements: []slackText{{"mrkdwn", foot}}})
	return s
}

func section(text string) slackBlock {
	return slackBlock{Type: "section", Text: &slackText{"mrkdwn", text}}
}

// sumUp says what was withheld, and how much.
func (d *slack) sumUp(ctx context.Context, withheld []entry) error {
	total := 0
	for i := range withheld {
		total += withheld[i].Withheld
	}
	head := fmt.Sprintf("%s about %s not sent one by one", count(total, "message"), count(len(withheld), "incident"))
	lines := []string{"*" + head + "*"}
	for _, e := range firstOf(withheld, maxDigested) {
		state := "open"
		if e.Over {
			state = "over"
		}
		lines = append(lines, fmt.Sprintf("• %s: %s, %s", escape(e.Title, maxSection/maxDigested-50), count(e.Withheld, "message"), state))
	}
	if more := len(withheld) - maxDigested; more > 0 {
		lines = append(lines, "and "+count(more, "other incident"))
	}
	_, err := d.post.sendJSON(ctx, &slackMessage{Text: head, Blocks: []slackBlock{section(strings.Join(lines, "\n"))}})
	return err
}

var slackEscapes = map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;"}

// escape writes text so that Slack shows it as it is, in at most n characters. What Slack counts is what is written.
func escape(text string, n int) string {
	var b strings.Builder
	length := 0
	for _, r := range strings.ToValidUTF8(text, "�") {
		s, ok := slackEscapes[r]
		if !ok {
			s = string(r)
		}
		if length+utf8.RuneCountInString(s) > n-1 {
			return b.String() + "…"
		}
		length += utf8.RuneCountInString(s)
		b.WriteString(s)
	}
	return b.String()
}

func (d *slack) test(ctx context.Context, m *anomaly.Message) (string, string, error) {
	answer, err := d.post.sendJSON(ctx, d.write(m, opens))
	return "message " + m.Title, answer, err
}
