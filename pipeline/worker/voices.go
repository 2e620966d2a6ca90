package worker

import (
	"slices"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
)

// Voice is what somebody said in words: a text of one message, under the definition that read it. It is what the message says, whatever
// the user's facts are, so a replay writes it as it was, in whichever generation.
type Voice struct {
	Definition    string // see catalog.VoiceHash
	StreamCreated int64  // ms
	Partitions    uint16 // how many there are
	Sequence      uint64 // of the message
	Partition     uint16
	Name          string // in the catalog
	UserID        string
	At            int64 // event time, ms
	Text          string
}

// voices are what waits to be written.
type voices struct {
	definitions []string // of the catalog's voices
	fresh       []Voice
	bytes       int
}

func newVoices(c *catalog.Catalog) (v voices) {
	for i := range c.Voices {
		v.definitions = append(v.definitions, c.VoiceHash(i))
	}
	return v
}

// take returns what waits, and waits for nothing any more.
func (v *voices) take() []Voice {
	fresh := v.fresh
	v.fresh, v.bytes = nil, 0
	return fresh
}

// hear keeps what the event says. What users said who were forgotten since is not said again by a replay.
func (p *partition) hear(seq uint64) {
	for i := range p.catalog.Voices {
		v := &p.catalog.Voices[i]
		if !p.mask.Has(v.Selector) {
			continue
		}
		text := p.event.Words(v.Path)
		if text == "" || p.forgotten.of(p.event.User) >= seq {
			continue
		}
		p.voices.fresh = append(p.voices.fresh, Voice{
			Definition: p.voices.definitions[i], StreamCreated: p.identity.StreamCreated, Partitions: p.identity.Partitions, Sequence: seq,
			Partition: p.id, Name: v.Name, UserID: p.event.User, At: p.event.Time, Text: text,
		})
		p.voices.bytes += len(text)
	}
}

// unhear drops what the user of a token said and is not written yet.
func (p *partition) unhear(token string) {
	p.voices.fresh = slices.DeleteFunc(p.voices.fresh, func(v Voice) bool {
		gone := event.Token(v.UserID) == token
		if gone {
			p.voices.bytes -= len(v.Text)
		}
		return gone
	})
}
