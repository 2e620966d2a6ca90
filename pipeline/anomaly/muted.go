package anomaly

import (
	"slices"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/catalog"
)

// JudgeMuted returns what would have been said when each incident opened that annotations mute, as a message that says which one
// does: so that what nobody is told can still be looked at.
func JudgeMuted(c *catalog.Catalog, e *Evidence) []Message {
	unmuted := *e
	unmuted.Annotations = slices.DeleteFunc(slices.Clone(e.Annotations), func(a annotation.Annotation) bool { return a.Kind == annotation.Expected })
	if len(unmuted.Annotations) == len(e.Annotations) {
		return nil
	}
	told := map[string]bool{}
	for _, i := range Judge(c, e) {
		told[i.ID] = true
	}
	n := comparison{catalog: c, evidence: e}
	var all []Message
	for _, i := range Judge(c, &unmuted) {
		m := i.Messages[0]
		a := n.mute(&m)
		if told[i.ID] || a == nil {
			continue
		}
		m.State, m.Reason, m.Annotations, m.Summary = Resolved, Muted, []Annotation{cited(a)}, mutedBy(a)+": "+m.Summary
		all = append(all, m)
	}
	return all
}
