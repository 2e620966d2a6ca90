package collect

import (
	"fmt"
	"time"

	"github.com/tidwall/gjson"

	"firstlight/pipeline/event"
)

// timeAdvice says what to send instead of a time that is a number; it is empty for anything else.
func timeAdvice(reason event.Reason, data []byte) string {
	if reason != event.BadTimestamp {
		return ""
	}
	for _, name := range []string{"timestamp", "originalTimestamp", "time"} {
		v := gjson.GetBytes(data, name)
		if v.Type != gjson.Number || v.Num < 1e8 || v.Num > latest {
			continue
		}
		unit, at := "seconds", time.UnixMilli(int64(v.Num*1000))
		if v.Num > 1e11 {
			unit, at = "milliseconds", time.UnixMilli(int64(v.Num))
		}
		return fmt.Sprintf("%s is a number, of %s since 1970 it seems: send it as RFC 3339 text, %q", name, unit, at.UTC().Format(rfc3339))
	}
	return ""
}
