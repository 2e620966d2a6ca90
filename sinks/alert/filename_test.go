package alert

import (
	"strings"
	"testing"
)

// Owners have files of their own, however alike their names are.
func TestFilesOfOwners(t *testing.T) {
	owners := map[string]string{}
	for _, owner := range []string{"growth@acme.example", "growth.acme@example", "growth acme example", "growth/acme/example", "東京", "大阪", "..", "a:b", "a*b", strings.Repeat("界", 200), strings.Repeat("界", 201)} {
		name := fileName(owner)
		if was, taken := owners[name]; taken || strings.ContainsAny(name, `/\:*`) || len(name) > 120 {
			t.Errorf("the file of %q is called %q, as that of %q", owner, name, was)
		}
		owners[name] = owner
	}
}
