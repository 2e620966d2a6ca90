package collect

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"firstlight/pipeline/doors"
)

// ParseProxies reads addresses and networks of trusted proxies, separated by commas, such as 10.0.0.0/8, 192.0.2.7.
func ParseProxies(list string) (proxies []netip.Prefix, err error) {
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, bad := netip.ParseAddr(text)
			if bad != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network: write such as 192.0.2.7 or 10.0.0.0/8", text)
			}
			address = address.Unmap().WithZone("")
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

// client is the address that a request comes from: of the connection, or where that is a trusted proxy, the last address in
// X-Forwarded-For that is none. It is invalid when that cannot be told.
func client(r *http.Request, proxies []netip.Prefix) netip.Addr {
	at := peer(r)
	var chain []string
	for _, line := range r.Header["X-Forwarded-For"] {
		chain = append(chain, strings.Split(line, ",")...)
	}
	for trusted(at, proxies) && len(chain) > 0 {
		next, err := netip.ParseAddr(strings.TrimSpace(chain[len(chain)-1]))
		if err != nil {
			return netip.Addr{}
		}
		at, chain = next.Unmap(), chain[:len(chain)-1]
	}
	return at
}

// peer is the address at the other end of the connection.
func peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

func trusted(at netip.Addr, proxies []netip.Prefix) bool {
	for _, p := range proxies {
		if p.Contains(at) {
			return true
		}
	}
	return false
}

// secure reports whether the client has spoken HTTPS: to this server, or to a trusted proxy that says so.
func secure(r *http.Request, proxies []netip.Prefix) bool {
	return r.TLS != nil || trusted(peer(r), proxies) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// forwarded are the headers by which a proxy says for whom it asks.
var forwarded = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"}

// loopbackOnly says why a request is refused where there are no keys; empty when it is of a program, or a page, of this machine.
func loopbackOnly(r *http.Request, origin string) string {
	const open = "without write keys only this machine may send events: set FIRSTLIGHT_WRITE_KEYS"
	for _, name := range forwarded {
		if _, there := r.Header[name]; there {
			return open + " (a proxy has passed this request on)"
		}
	}
	u, err := url.Parse(origin)
	switch {
	case !peer(r).IsLoopback():
		return open
	case !doors.Loopback(r.Host):
		return open + " (the host asked for is not this machine)"
	case origin != "" && (err != nil || !doors.Loopback(u.Host)):
		return open + " (a page of another site asks)"
	}
	return ""
}

// OfThisMachine reports whether a program, or a page, of this machine asks, and no proxy for another.
func OfThisMachine(r *http.Request) bool { return loopbackOnly(r, r.Header.Get("Origin")) == "" }
