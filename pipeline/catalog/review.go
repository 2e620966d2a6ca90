package catalog

import (
	"slices"
	"time"
)

// ReviewPlan says when reviews are sent, and where to. It changes no number.
type ReviewPlan struct {
	Day  time.Weekday
	Hour int      // of the local day, 0 to 23
	Send []string // where to, of ReviewPlaces
}

// ReviewPlaces are where reviews can be sent: to the channel of SLACK_WEBHOOK_URL, to WEBHOOK_URL, and into a file of the data directory.
var ReviewPlaces = []string{"slack", "webhook", "file"}

var weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// review reads when reviews are sent.
func (l *loader) review(n *node) {
	if n.kind == nullNode {
		return
	}
	o, ok := l.object(n, "review", reviewKeys)
	if !ok {
		return
	}
	plan := &ReviewPlan{Hour: o.count("hour", 8, 0, 23)}
	chosen := o.Choice("day", "monday", weekdays...)
	for i, name := range weekdays {
		if name == chosen {
			plan.Day = time.Weekday((i + 1) % 7)
		}
	}
	if send := o.require("send", "write where to, such as send: slack"); send != nil {
		places := []*node{send}
		if send.kind == listNode && !send.emptyList() {
			places = send.items
		}
		for _, n := range places {
			if place := o.word(n, "send", ReviewPlaces); place != "" && !slices.Contains(plan.Send, place) {
				plan.Send = append(plan.Send, place)
			}
		}
	}
	l.catalog.Review = plan
}

// Due returns the newest moment at or before a time at which reviews are to be sent.
func (p *ReviewPlan) Due(at time.Time, zone *time.Location) time.Time {
	local := at.In(zone)
	back := (int(local.Weekday()) - int(p.Day) + 7) % 7
	due := time.Date(local.Year(), local.Month(), local.Day()-back, p.Hour, 0, 0, 0, zone)
	if due.After(at) {
		due = time.Date(local.Year(), local.Month(), local.Day()-back-7, p.Hour, 0, 0, 0, zone)
	}
	return due
}
