package catalog

import (
	"slices"
	"strings"
)

// Voice is where people say something in words: a text of some events.
type Voice struct {
	Name     string
	Selector int      // index of the events
	Path     []string // of the text in them; starts with "properties" or "context"
}

const maxVoices = 20

// voices reads what people say. A voice is a definition: texts of a new one are read from the stream's start.
func (l *loader) voices(n *node) {
	if n.emptyList() || n.kind == nullNode {
		return
	}
	lines := map[string]int{}
	for _, item := range l.items(n, "voices", "- {name: cancel_reason, event: subscription_cancelled, text: properties.reason}", maxVoices) {
		o, ok := l.object(item, "a voice", voiceKeys)
		if !ok {
			continue
		}
		v := Voice{Name: o.name("cancel_reason"), Selector: l.selectorOf(o)}
		if text := o.require("text", "write where the words stand in the event, such as text: properties.reason"); text != nil {
			if path := o.text("text", "properties.reason"); path != "" {
				v.Path = l.path(text, path)
				l.saw(text.pos, v.Path)
			}
		}
		if line := lines[v.Name]; v.Name != "" && line != 0 {
			l.errorf(item.pos, "there is already a voice %q on line %d: write another name", v.Name, line)
		}
		lines[v.Name] = item.line
		l.catalog.Voices = append(l.catalog.Voices, v)
	}
}

// voiceDefinition is what decides the texts of a voice.
type voiceDefinition struct {
	Name   string `json:"name"`
	Events string `json:"events"`
	Text   string `json:"text"`
}

// VoiceHash identifies what determines the texts of voice i: where they stand, and which events are accepted.
func (c *Catalog) VoiceHash(i int) string {
	return hash(encode(struct {
		Voice           voiceDefinition
		Users, Lateness string
		Exclude         *excludeDefinition `json:",omitempty"`
	}{c.defineVoice(&c.Voices[i]), c.users(), formatDuration(c.AllowedLateness), c.defineExclude()}))
}

func (c *Catalog) defineVoice(v *Voice) voiceDefinition {
	return voiceDefinition{v.Name, c.Selectors[v.Selector].Text, strings.Join(v.Path, ".")}
}

// defineVoices returns the voices by name: their order decides nothing.
func (c *Catalog) defineVoices() (out []voiceDefinition) {
	for i := range c.Voices {
		out = append(out, c.defineVoice(&c.Voices[i]))
	}
	slices.SortFunc(out, func(a, b voiceDefinition) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (d *definition) voices() (out []part) {
	for _, v := range d.Voices {
		out = append(out, part{v.Name, []field{{"event", v.Events}, {"text", v.Text}}})
	}
	return out
}

// voicesOf returns the voices that a later catalog has too, in its order and as they are heard here.
func (c *Catalog) voicesOf(later *Catalog) (out []Voice) {
	for _, v := range later.Voices {
		if i := slices.IndexFunc(c.Voices, func(heard Voice) bool { return heard.Name == v.Name }); i >= 0 {
			out = append(out, c.Voices[i])
		}
	}
	return out
}
