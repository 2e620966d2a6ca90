package oracle

// What people say in words.

import (
	"encoding/json"
	"regexp"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// voice is where people say something: a text of some events.
type voice struct {
	selector
	Text string // its path
}

// UnmarshalJSON reads the selector and the path.
func (v *voice) UnmarshalJSON(data []byte) error {
	var own struct{ Text string }
	if err := json.Unmarshal(data, &own); err != nil {
		return err
	}
	v.Text = own.Text
	return v.selector.UnmarshalJSON(data)
}

const (
	voicesKept   = 90 * 86_400_000 // ms
	voicesOfUser = 100
	longestVoice = 2000
)

// said is one text of one event.
type said struct {
	voice, words string
	event        *event
}

// voices lists what users said in the last 90 days, the newest 100 texts of each, with where they stood by then.
func (b *batch) voices() {
	for user, events := range b.eventsByUser() {
		if _, out := b.excluded[user]; out {
			continue
		}
		var all []said
		for _, e := range events {
			for _, v := range b.catalog.Voices {
				words := spoken(valueAt(e, v.Text))
				if words != "" && v.matches(e) && e.at+voicesKept > b.asOf {
					all = append(all, said{v.Name, words, e})
				}
			}
		}
		sort.SliceStable(all, func(i, j int) bool { // the newest first
			x, y := all[i], all[j]
			if x.event.at != y.event.at {
				return x.event.at > y.event.at
			}
			if x.event.sequence != y.event.sequence {
				return x.event.sequence > y.event.sequence
			}
			return x.voice < y.voice
		})
		for _, s := range all[:min(len(all), voicesOfUser)] {
			b.voice(user, s)
		}
	}
}

// voice adds a row for each metric of a cohort that the user had entered, or one without a metric.
func (b *batch) voice(user string, s said) {
	row := Row{"voice": s.voice, "user_id": user, "at": instant(s.event.at), "text": s.words}
	entered := false
	for m, members := range b.told {
		for _, mb := range members {
			if mb.user != user || mb.entered > s.event.at {
				continue
			}
			entered = true
			done, next := 0, ""
			for g, goal := range m.kind.goals() {
				if at := mb.goals[g]; at != never && at <= s.event.at {
					done++
				} else if next == "" {
					next = goal.Name
				}
			}
			b.add("voices", row, Row{"metric": m.Name, "cohort_start": mb.cohortStart.date(), "segments": mb.segments, "steps_done": uint64(done), "next_step": next})
		}
	}
	if !entered {
		b.add("voices", row, Row{"metric": "", "cohort_start": nil, "segments": map[string]string{}, "steps_done": uint64(0), "next_step": ""})
	}
}

var (
	lineEnd   = regexp.MustCompile(`\r\n?`)
	leftOut   = regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]`)
	something = regexp.MustCompile(`[\pL\pN\pP\pS]`)
)

// spoken is what a value says, empty where it says nothing.
func spoken(v any) string {
	words, _ := v.(string)
	words = strings.TrimFunc(leftOut.ReplaceAllString(lineEnd.ReplaceAllString(words, "\n"), ""), unicode.IsSpace)
	for len(words) > longestVoice {
		_, size := utf8.DecodeLastRuneInString(words)
		words = words[:len(words)-size]
	}
	if words = strings.TrimRightFunc(words, unicode.IsSpace); !something.MatchString(words) {
		return ""
	}
	return words
}
