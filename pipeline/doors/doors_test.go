package doors_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"firstlight/pipeline/doors"
)

func TestRefuse(t *testing.T) {
	external := &url.URL{Scheme: "https", Host: "metrics.acme.example"}
	link := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}
	for _, c := range []struct {
		name, method, host string
		header             http.Header
		page, elsewhere    int // the status of a refusal, where a page is served and where not
	}{
		{name: "a program", host: "127.0.0.1:8080"},
		{name: "another loopback address", host: "127.8.8.8:8080"},
		{name: "IPv6", host: "[::1]:8080"},
		{name: "IPv6 without a port", host: "[::1]"},
		{name: "localhost", host: "localhost:8080"},
		{name: "localhost in capitals, with a dot", host: "LocalHost.:8080"},
		{name: "below localhost", host: "firstlight.localhost:8080"},
		{name: "an address of the network", host: "192.168.7.7:8080"},
		{name: "the external host", host: "metrics.acme.example"},
		{name: "the external host, another port", host: "Metrics.acme.example:8443"},
		{name: "a name pointed at this machine", host: "evil.example:8080", page: 421, elsewhere: 421},
		{name: "localhost in a longer name", host: "localhost.evil.example", page: 421, elsewhere: 421},
		{name: "not localhost", host: "xlocalhost:8080", page: 421, elsewhere: 421},
		{name: "an address in a longer name", host: "127.0.0.1.evil.example", page: 421, elsewhere: 421},
		{name: "no host", host: "", page: 421, elsewhere: 421},

		{name: "typed by a person", host: "localhost:1", header: http.Header{"Sec-Fetch-Site": {"none"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}},
		{name: "our own page", host: "localhost:1", header: http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"http://localhost:1"}}},
		{name: "a link on another site", host: "localhost:1", header: link, elsewhere: 403},
		{name: "a form of another site", method: "POST", host: "localhost:1", header: link, page: 403, elsewhere: 403},
		{name: "an image of another site", host: "localhost:1", header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}}, page: 403, elsewhere: 403},
		{name: "a frame of another site", host: "localhost:1", header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}}, page: 403, elsewhere: 403},
		{name: "another port of this machine", host: "localhost:1", header: http.Header{"Sec-Fetch-Site": {"same-site"}}, page: 403, elsewhere: 403},
		{name: "what no browser says", host: "localhost:1", header: http.Header{"Sec-Fetch-Site": {"Same-Origin"}}, page: 403, elsewhere: 403},
		{name: "said twice", host: "localhost:1", header: http.Header{"Sec-Fetch-Site": {"none", "cross-site"}}, page: 403, elsewhere: 403},
		{name: "an old browser, another port", host: "localhost:1", header: http.Header{"Origin": {"http://localhost:2"}}, page: 403, elsewhere: 403},
		{name: "an old browser, another name of this machine", host: "localhost:1", header: http.Header{"Origin": {"http://127.0.0.1:1"}}, page: 403, elsewhere: 403},
		{name: "an old browser, no origin", host: "localhost:1", header: http.Header{"Origin": {"null"}}, page: 403, elsewhere: 403},
		{name: "an empty origin", host: "localhost:1", header: http.Header{"Origin": {""}}, page: 403, elsewhere: 403},
		{name: "origins twice", host: "localhost:1", header: http.Header{"Origin": {"http://localhost:1", "http://evil.example"}}, page: 403, elsewhere: 403},
		{name: "behind a proxy that keeps the host", host: "metrics.acme.example", header: http.Header{"Origin": {"https://metrics.acme.example"}}},
		{name: "behind a proxy that does not", host: "127.0.0.1:8080", header: http.Header{"Origin": {"https://metrics.acme.example"}}},
		{name: "the external host without TLS", host: "127.0.0.1:8080", header: http.Header{"Origin": {"http://metrics.acme.example"}}, page: 403, elsewhere: 403},
		{name: "the scheme's own port", host: "10.0.0.1", header: http.Header{"Origin": {"http://10.0.0.1:80"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if c.method != "" {
				r.Method = c.method
			}
			r.Host = c.host
			if c.header != nil {
				r.Header = c.header
			}
			rule := doors.Rule{External: external}
			for _, face := range []struct {
				page bool
				want int
			}{{true, c.page}, {false, c.elsewhere}} {
				got := 0
				if refusal := rule.Refuse(r, face.page); refusal != nil {
					got = refusal.Status
				}
				if got != face.want {
					t.Errorf("page %v: refused with %d, want %d", face.page, got, face.want)
				}
			}
			if r := (doors.Rule{}).Refuse(r, false); c.host == "metrics.acme.example" && r == nil {
				t.Error("a host that nobody set is known")
			}
		})
	}
}
