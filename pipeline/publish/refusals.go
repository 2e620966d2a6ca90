package publish

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"firstlight/pipeline/event"
)

// shownLines is how many refused lines of one reason are written out; the rest is counted.
const shownLines = 3

// notStored is the reason why a stream does not take a single message, in the list of refusals.
const notStored event.Reason = "not_stored"

// refusal is why a line is left out.
type refusal struct {
	reason event.Reason
	detail string
}

func tooLarge(detail string) *refusal { return &refusal{event.TooLarge, detail} }

// refuse counts a line that is left out, and names the first few of each reason.
func (p *Publisher) refuse(name string, r *refusal) {
	if p.summary.Refused == nil {
		p.summary.Refused = map[event.Reason]uint64{}
	}
	p.summary.Refused[r.reason]++
	if n := p.summary.Refused[r.reason]; n <= shownLines {
		p.progress.say(fmt.Sprintf("%s: %s: %s", name, r.reason, r.detail))
	}
}

// refusedLines is how many lines were refused.
func (s *Summary) refusedLines() (n uint64) {
	for _, of := range s.Refused {
		n += of
	}
	return n
}

// reasons lists how many lines were refused by reason, the commonest first.
func (s *Summary) reasons() string {
	names := slices.SortedFunc(maps.Keys(s.Refused), func(a, b event.Reason) int {
		return cmp.Or(cmp.Compare(s.Refused[b], s.Refused[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = event.Reason(fmt.Sprintf("%s %d", name, s.Refused[name]))
	}
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = string(name)
	}
	return strings.Join(words, ", ")
}
