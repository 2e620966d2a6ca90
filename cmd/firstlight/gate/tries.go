package gate

import (
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// An address may send this many wrong tokens at once, and one more in every interval after.
const (
	triesAtOnce  = 10
	triesEvery   = 6 * time.Second
	retryAfter   = "60"
	maxAddresses = 4096 // that are remembered
)

// tries counts the wrong tokens of each address.
type tries struct {
	mu sync.Mutex
	by map[string]*rate.Limiter
}

func newTries() *tries { return &tries{by: map[string]*rate.Limiter{}} }

// begin counts a try before it is judged, so that no number of them at once gets through. It reports whether it may be judged.
func (t *tries) begin(address string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by[address] == nil {
		t.makeRoom(now)
		t.by[address] = rate.NewLimiter(rate.Every(triesEvery), triesAtOnce)
	}
	return t.by[address].AllowN(now, 1)
}

// succeeded takes back what begin counted, and what failed before.
func (t *tries) succeeded(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.by, address)
}

// makeRoom forgets addresses that failed long ago; when there are none, all.
func (t *tries) makeRoom(now time.Time) {
	if len(t.by) < maxAddresses {
		return
	}
	for other, l := range t.by {
		if l.TokensAt(now) >= triesAtOnce {
			delete(t.by, other)
		}
	}
	if len(t.by) >= maxAddresses {
		clear(t.by)
	}
}

// caller is the address a request comes from: behind a proxy, the proxy's. Of IPv6, the network that one place has.
func caller(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return ip.Mask(net.CIDRMask(64, 128)).String()
	}
	return host
}
