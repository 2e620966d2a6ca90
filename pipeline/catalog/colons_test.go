package catalog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Text may hold colons wherever YAML lets it: only one with white space behind it ends a key.
func TestColonsInPlainText(t *testing.T) {
	for _, test := range []struct{ yaml, want string }{
		{`{a: {steps: [order:created, user:signed_up]}}`, `{"a":{"steps":["order:created","user:signed_up"]}}`},
		{`{a: [a:b]}`, `{"a":["a:b"]}`},
		{`{a: [a:b:c, d, "e:f", g]}`, `{"a":["a:b:c","d","e:f","g"]}`},
		{`{a: [http://x.example:80/y?z=1, urn:x:y]}`, `{"a":["http://x.example:80/y?z=1","urn:x:y"]}`},
		{`{a: [12:30, 1:2]}`, `{"a":["12:30","1:2"]}`},
		{`{a: [a:b c d, e]}`, `{"a":["a:b c d","e"]}`},
		{`{a: [{event: order:created, where: x}, [n:m]]}`, `{"a":[{"event":"order:created","where":"x"},["n:m"]]}`},
		{`{a: order:created, b: http://x.example/y}`, `{"a":"order:created","b":"http://x.example/y"}`},
		{`[a:b, c]`, `["a:b","c"]`},
		{"a: [a:b, c:d]\nb: x:y\nc:\n  - e:f\n  - g:h", `{"a":["a:b","c:d"],"b":"x:y","c":["e:f","g:h"]}`},
		{"{a: [a:b,\n  c:d\n ]}", `{"a":["a:b","c:d"]}`},
		{`{a: [ü:ö, b]}`, `{"a":["ü:ö","b"]}`},
		{`{a: [b: c]}`, `{"a":[{"b":"c"}]}`},
	} {
		f, problems := parse([]byte(test.yaml))
		if problems != nil {
			t.Errorf("%s: %s", test.yaml, problems.Format("f"))
			continue
		}
		if diff := cmp.Diff(test.want, asJSON(f.root)); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", test.yaml, diff)
		}
	}
}

func asJSON(n *node) string {
	switch n.kind {
	case mapNode:
		var parts []string
		for _, p := range n.pairs {
			parts = append(parts, fmt.Sprintf("%q:%s", p.key, asJSON(p.value)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case listNode:
		var parts []string
		for _, item := range n.items {
			parts = append(parts, asJSON(item))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	text, _ := json.Marshal(n.text)
	return string(text)
}
