package nearest_test

import (
	"strings"
	"testing"

	"firstlight/pipeline/nearest"
)

func TestNearest(t *testing.T) {
	for _, test := range []struct{ name, candidates, want string }{
		{"ownr", "owner objective", "owner"},
		{"allowed-lateness", "allowed_lateness settle", "allowed_lateness"},
		{"Settle", "settle seattle", "settle"},
		{"freind", "friend find", "friend"},
		{"Mon", "monday sunday", "monday"},
		{"signed_up", "signed_up_v2 signed_in", "signed_in"},
		{"project", "project_created invite_sent", "project_created"},
		{"widget", "owner objective", ""},
		{"", "owner", ""},
		{"x", "y", "y"},
	} {
		if got := nearest.Name(test.name, strings.Fields(test.candidates)); got != test.want {
			t.Errorf("nearest to %q of %s is %q, want %q", test.name, test.candidates, got, test.want)
		}
	}
}
