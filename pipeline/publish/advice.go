package publish

import (
	"fmt"
	"slices"

	"github.com/tidwall/gjson"

	"firstlight/pipeline/event"
)

// What other products call the fields of an event, the likeliest first.
var (
	userFields = []string{"user_id", "distinct_id", "userID", "userid", "user", "uid", "customer_id", "profile_id", "properties.distinct_id", "properties.user_id", "properties.userId"}
	nameFields = []string{"event_type", "event_name", "eventName", "name", "action", "properties.event"}
	timeFields = []string{"event_time", "time", "ts", "created_at", "occurred_at", "event_timestamp", "properties.time"}
	listFields = []string{"batch", "events", "data", "items", "results"}
)

// advise says more of why a well-formed object is refused, where it looks like an export of another product.
func (r *refusal) advise(data []byte) {
	switch r.reason {
	case event.MissingEvent:
		if list := field(data, listFields); list != "" && gjson.GetBytes(data, list).IsArray() {
			r.detail = fmt.Sprintf("this object holds events in its list %s: publish the members of that, such as with jq -c '.%s[]'", list, list)
			return
		}
		r.rename(data, nameFields, "event")
	case event.MissingUser:
		r.rename(data, userFields, "userId")
	case event.BadTimestamp:
		for _, name := range []string{"timestamp", "originalTimestamp", "time", "receivedAt"} {
			if v := gjson.GetBytes(data, name); v.Type == gjson.Number && v.Num > 1e8 {
				unit, change := "seconds", "todate"
				if v.Num > 1e11 {
					unit, change = "milliseconds", "(. / 1000 | floor | todate)"
				}
				r.detail = fmt.Sprintf("%s is a number, of %s since 1970 it seems: write it as RFC 3339, such as with jq -c '.%s |= %s'", name, unit, name, change)
				return
			}
		}
	}
}

// rename advises to give a field the name that it has here.
func (r *refusal) rename(data []byte, names []string, as string) {
	name := field(data, names)
	if name == "" {
		return
	}
	r.detail += fmt.Sprintf("; it has %s: rename that to %s", name, as)
	if at := field(data, timeFields); at != "" && gjson.GetBytes(data, "timestamp").Type == gjson.Null {
		r.detail += fmt.Sprintf(", and %s to timestamp (RFC 3339)", at)
	}
}

// field is the first of some fields that an object has.
func field(data []byte, names []string) string {
	i := slices.IndexFunc(names, func(name string) bool { return gjson.GetBytes(data, name).Type != gjson.Null })
	if i < 0 {
		return ""
	}
	return names[i]
}
