package alert

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/redact"
	"firstlight/pipeline/review"
)

// Reviews brings reviews of the week to where they go. Its ledger is in the bucket of that of messages, under keys of its own.
type Reviews struct {
	Config Config
	JS     jetstream.JetStream
	Dir    string // of the files
}

// reviewsKept is how long the ledger remembers that a review was sent.
const reviewsKept = 60 * 24 * time.Hour

// Once sends the review of a week (any text that names it) to places, each unless it has it. A place that fails keeps no other from its review. A process that dies
// between sending and writing the ledger sends it again: of a webhook, under the same Idempotency-Key.
func (s *Reviews) Once(ctx context.Context, week string, r *review.Review, places []string) error {
	kv, err := ensureLedger(ctx, s.JS)
	if err != nil {
		return err
	}
	var failed error
	for _, place := range places {
		key := keyToken(s.Config.Identity) + ".reviews-" + keyToken(place) + "." + keyToken(week+" "+r.Owner)
		_, err := kv.Get(ctx, key)
		switch {
		case err == nil:
			continue
		case !errors.Is(err, jetstream.ErrKeyNotFound):
			return fmt.Errorf("read whether the review of %s was sent: %w", week, err)
		}
		if _, err := s.Send(ctx, week, r, place); err != nil {
			failed = errors.Join(failed, fmt.Errorf("send the review of %s to %s: %w", week, place, err))
			continue
		}
		if _, err := kv.Create(ctx, key, []byte(week), jetstream.KeyTTL(reviewsKept)); err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
			failed = errors.Join(failed, fmt.Errorf("write that the review of %s was sent: %w", week, err))
		}
	}
	return failed
}

// Send sends a review to a place, and says what was answered, or which file was written.
func (s *Reviews) Send(ctx context.Context, week string, r *review.Review, place string) (answer string, err error) {
	switch place {
	case "slack":
		return s.slack(ctx, r)
	case "webhook":
		return s.webhook(ctx, week, r)
	}
	return s.file(week, r)
}

func (s *Reviews) slack(ctx context.Context, r *review.Review) (string, error) {
	if s.Config.SlackURL == "" {
		return "", fmt.Errorf("%s is not set", setSlack)
	}
	u, err := address(setSlack, s.Config.SlackURL)
	if err != nil {
		return "", err
	}
	return newPoster(u, redact.Hook).sendJSON(ctx, slackReview(r))
}

// slackReview lays a review out: a block for each section, as much of it as one takes.
func slackReview(r *review.Review) *slackMessage {
	s := &slackMessage{Text: escape(r.Head(), maxSection), Blocks: []slackBlock{section("*" + escape(r.Head(), maxSlackText) + "*")}}
	for _, part := range r.Sections {
		text := "*" + escape(part.Title, maxSlackText) + "*"
		for i, item := range part.Items {
			line := "\n• " + escape(item.Text, maxSlackText)
			if item.Quote != "" {
				line = "\n> " + escape(item.Quote, maxSlackText) + "\n" + escape(item.Text, maxSlackText)
			}
			if len(text)+len(line) > maxSection-100 {
				text += fmt.Sprintf("\nand %s", count(len(part.Items)-i, "more line"))
				break
			}
			text += line
		}
		s.Blocks = append(s.Blocks, section(text))
	}
	return s
}

// webhook posts a review as a CloudEvent.
func (s *Reviews) webhook(ctx context.Context, week string, r *review.Review) (string, error) {
	if s.Config.WebhookURL == "" {
		return "", fmt.Errorf("%s is not set", setWebhook)
	}
	u, err := address(setWebhook, s.Config.WebhookURL)
	if err != nil {
		return "", err
	}
	id := "review-" + week + "-" + r.Owner
	body, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "type": "firstlight.review", "source": "firstlight/" + url.PathEscape(s.Config.Product), "subject": r.Owner,
		"time": r.AsOf.UTC().Format(time.RFC3339Nano), "datacontenttype": "application/json", "data": r,
	})
	if err != nil {
		return "", fmt.Errorf("write the review as JSON: %w", err)
	}
	h := http.Header{"Content-Type": {cloudEventType}, "Idempotency-Key": {id}}
	if s.Config.WebhookSecret != "" {
		h.Set(SignatureHeader, sign(s.Config.WebhookSecret, time.Now(), body))
	}
	return newPoster(u, redact.Hook, s.Config.WebhookSecret).send(ctx, body, h)
}

// file writes a review as Markdown. Writing it again writes the same file.
func (s *Reviews) file(week string, r *review.Review) (string, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of reviews: %w", err)
	}
	path := filepath.Join(s.Dir, week+"-"+fileName(r.Owner)+".md")
	part := path + ".part"
	if err := os.WriteFile(part, []byte(r.Markdown()), 0o600); err != nil {
		return "", fmt.Errorf("write a review: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return "", fmt.Errorf("write a review: %w", err)
	}
	return path, nil
}

// fileName names a file after an owner. No two have one: what cannot stand in a name, or is too long for one, is told apart by a hash.
func fileName(owner string) string {
	const most = 100 // bytes
	name := strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("@._+-", c) {
			return c
		}
		return '-'
	}, owner)
	if name == owner && len(name) <= most {
		return name
	}
	sum := sha256.Sum256([]byte(owner))
	return fmt.Sprintf("%s-%x", strings.ToValidUTF8(name[:min(len(name), most)], ""), sum[:4])
}
