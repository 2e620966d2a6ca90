package alert

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"firstlight/pipeline/anomaly"
)

// SignatureHeader carries t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">.
const SignatureHeader = "Firstlight-Signature"

const cloudEventType = "application/cloudevents+json"

// webhook posts every message as a CloudEvent.
type webhook struct {
	post    *poster
	secret  string
	product string
	now     func() time.Time
}

func (d *webhook) name() string    { return "webhook" }
func (d *webhook) key() string     { return place("webhook", d.post.url.String()) }
func (d *webhook) setting() string { return setWebhook }

func (d *webhook) plan(e *entry, waiting []*anomaly.Message) plan { return inOrder(e, waiting) }

func (d *webhook) deliver(ctx context.Context, _ *entry, p plan) (string, error) {
	body, err := p.message.CloudEvent(d.product)
	if err != nil {
		return "", unfit(err)
	}
	h := http.Header{}
	h.Set("Content-Type", cloudEventType)
	h.Set("Idempotency-Key", p.message.ID())
	if d.secret != "" {
		h.Set(SignatureHeader, sign(d.secret, d.now(), body))
	}
	return d.post.send(ctx, body, h)
}

// sign signs a body in the way of Stripe's webhooks: the time is in it, so that a request cannot be replayed later.
func sign(secret string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.", at.Unix())
	mac.Write(body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

func (d *webhook) test(ctx context.Context, m *anomaly.Message) (string, string, error) {
	answer, err := d.deliver(ctx, nil, plan{message: m})
	signed := "signed"
	if d.secret == "" {
		signed = "not signed (WEBHOOK_SECRET)"
	}
	return "CloudEvent " + m.ID() + ", " + signed, answer, err
}
