package catalog_test

import "testing"

func TestUnseen(t *testing.T) {
	c := mustLoad(t, `version: 1
defaults: {owner: o, objective: o, indicator: leading, direction: up, action: a}
cohorts:
  - {name: c, grain: day, entry: signed_up, segments: [plan, {path: context.location.country}]}
metrics:
  - name: m
    kind: activation
    cohort: c
    within: 1d
    steps:
      - {event: [invite_sent, invite_resent], where: 'properties.role != "x" && has(properties.team.size) && properties["no. of seats"] > 1'}
      - {event: "*", where: 'properties.items.exists(i, i.price > context.limit) && properties[event] != 1 && properties.items[0].sku == "x"'}
`)
	events := map[string]uint64{"signed_up": 5, "invites_sent": 1, "invite_resent": 0, "invite_sents": 0}
	properties := []string{"properties.plan", "properties.Role", "properties.team", "properties.items", "context.location.country"}
	if got, want := c.Unseen(events, nil).Format("f"), `f:11:18: warning: no event "invite_sent" was ever seen: did you mean "invites_sent"?
f:11:31: warning: no event "invite_resent" was ever seen: did you mean "invites_sent"?
`; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got, want := c.Unseen(events, properties).Format("f"), `f:11:18: warning: no event "invite_sent" was ever seen: did you mean "invites_sent"?
f:11:31: warning: no event "invite_resent" was ever seen: did you mean "invites_sent"?
f:11:55: warning: no property "properties.role" was ever seen: did you mean "properties.Role"?
f:11:85: warning: no property "properties.team.size" was ever seen: did you mean "properties.team"?
f:11:110: warning: no property "properties.no. of seats" was ever seen
f:12:67: warning: no property "context.limit" was ever seen
`; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
