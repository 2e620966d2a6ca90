package review

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// titled writes a name as the page does: weekly_return is Weekly return.
func titled(name string) string {
	text := strings.ReplaceAll(name, "_", " ")
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// value writes a value of a metric.
func (m *Metric) value(v float64) string {
	if m.IsTime {
		return duration(v)
	}
	return percent(v)
}

// change writes the change of a metric's value.
func (m *Metric) change(v float64) string {
	if !m.IsTime {
		return points(v)
	}
	return sign(v) + duration(math.Abs(v))
}

// percent writes a share with one digit, where there is one.
func percent(share float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", 100*share), ".0") + " %"
}

func points(share float64) string {
	return fmt.Sprintf("%s%.1f points", sign(share), math.Abs(100*share))
}

// between writes the limits of a change of a share.
func between(low, high float64) string {
	return strings.TrimSuffix(points(low), " points") + " to " + points(high)
}

// between writes the limits of a change of a metric's value.
func (m *Metric) between(low, high float64) string {
	if m.IsTime {
		return m.change(low) + " to " + m.change(high)
	}
	return between(low, high)
}

func sign(v float64) string {
	if v < 0 {
		return "−"
	}
	return "+"
}

// duration writes seconds in the two largest units that they have.
func duration(seconds float64) string {
	units := []struct {
		name string
		size float64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}}
	left := math.Round(seconds)
	for i, u := range units[:len(units)-1] {
		if left < u.size {
			continue
		}
		small := units[i+1]
		whole := math.Floor(left / u.size)
		part := math.Round((left - whole*u.size) / small.size)
		if part*small.size >= u.size {
			whole, part = whole+1, 0
		}
		if part == 0 {
			return fmt.Sprintf("%.0f %s", whole, u.name)
		}
		return fmt.Sprintf("%.0f %s %.0f %s", whole, u.name, part, small.name)
	}
	return fmt.Sprintf("%.0f s", left)
}

// date writes a day.
func date(t time.Time) string { return t.Format("2 January 2006") }

// day writes the local day of a moment.
func (w *writer) day(t time.Time) string { return date(t.In(w.zone())) }

func (w *writer) zone() *time.Location {
	if w.Zone == nil {
		return time.UTC
	}
	return w.Zone
}

// today is the local day of as_of, as the dates of the catalog are: midnight in UTC.
func (w *writer) today() time.Time {
	y, m, d := w.AsOf.In(w.zone()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return thousands(n) + " " + thing + "s"
}

func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// sentence ends a text with a full stop.
func sentence(text string) string {
	if text = strings.TrimSpace(text); text == "" || strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}

// mostQuoted bounds what is quoted of one text, in characters.
const mostQuoted = 280

// quoted is a text on one line, without control characters, and not too long.
func quoted(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "�"), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if utf8.RuneCountInString(text) <= mostQuoted {
		return text
	}
	return string([]rune(text)[:mostQuoted-1]) + "…"
}
