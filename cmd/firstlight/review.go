package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/review"
	"firstlight/sinks/alert"
	"firstlight/sinks/clickhouse"
)

func reviewCommand() *cobra.Command {
	var (
		owner, stage, format string
		send                 bool
	)
	c := &cobra.Command{
		Use:   "review",
		Short: "Write the review of the week: what moved beyond chance, targets, and what is to be done",
		Long: `Write the review of the week of an owner, or of every owner: what moved beyond chance, how far targets are, open incidents,
what was done and whether it worked, experiments that can be decided, leading metrics that do not tell who stays, reviews that are
due, and what three people say. --send sends it where the catalog's review.send says, else to everything that is configured.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(reviewFormats, format) {
				return usagef("--format is %q: write one of %s", format, strings.Join(reviewFormats, ", "))
			}
			if stage != "" && !slices.Contains(catalog.Stages, stage) {
				return usagef("--stage is %q: write one of %s", stage, strings.Join(catalog.Stages, ", "))
			}
			if send {
				return sendReviews(cmd.Context(), owner, stage, cmd.OutOrStdout())
			}
			return runReview(cmd.Context(), owner, stage, format, cmd.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&owner, "owner", "", "whose metrics, as the catalog names the owner (default one review for each)")
	f.StringVar(&stage, "stage", "", "only metrics of this stage: early, growth or maturity")
	f.StringVar(&format, "format", "text", "text, markdown, html or json")
	f.BoolVar(&send, "send", false, "send it to Slack, the webhook or a file")
	return c
}

var reviewFormats = []string{"text", "markdown", "html", "json"}

func runReview(ctx context.Context, owner, stage, format string, w io.Writer) error {
	s, err := loadSettings()
	if err != nil {
		return err
	}
	all, err := s.readReviews(ctx, owner, stage)
	if err != nil {
		return err
	}
	return writeReviews(all, format, w)
}

func (s *Settings) readReviews(ctx context.Context, owner, stage string) ([]*review.Review, error) {
	b := &backends{settings: s, log: s.logger()}
	defer b.close()
	if err := b.openClickHouse(ctx, false); err != nil {
		return nil, err
	}
	facts, err := clickhouse.NewStore(b.conn, s.Database).ReviewFacts(ctx, true)
	if err != nil {
		return nil, err
	}
	return reviewsOf(facts, owner, stage)
}

// reviews is where the reviews of a product go.
func (b *backends) reviews(product string) *alert.Reviews {
	return &alert.Reviews{Config: b.settings.alerts(product), JS: b.js, Dir: filepath.Join(b.settings.DataDir, "reviews")}
}

// sendReviews sends reviews at once, whether they were sent before or not, and says what became of them.
func sendReviews(ctx context.Context, owner, stage string, w io.Writer) error {
	s, err := loadSettings()
	if err != nil {
		return err
	}
	places, err := s.reviewPlaces()
	if err != nil {
		return err
	}
	all, err := s.readReviews(ctx, owner, stage)
	if err != nil {
		return err
	}
	to := (&backends{settings: s}).reviews(all[0].Product)
	var failed error
	for _, r := range all {
		for _, place := range places {
			answer, err := to.Send(ctx, r.Date(), r, place)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("send the review for %s to %s: %w", r.Owner, place, err))
				continue
			}
			fmt.Fprintf(w, "sent the review for %s to %s: %s\n", r.Owner, place, secrets.Text(answer))
		}
	}
	return failed
}

// reviewPlaces are where the catalog says that reviews go, else everything that is configured.
func (s *Settings) reviewPlaces() (places []string, err error) {
	if c, err := s.ownCatalog(); err == nil && c.Review != nil {
		return c.Review.Send, nil
	}
	if s.SlackURL != "" {
		places = append(places, "slack")
	}
	if s.WebhookURL != "" {
		places = append(places, "webhook")
	}
	if len(places) == 0 {
		return nil, usagef("--send: nothing is configured: set SLACK_WEBHOOK_URL or WEBHOOK_URL, or write review: {send: file} in the catalog")
	}
	return places, nil
}

// reviewsOf are the reviews of an owner, or of all.
func reviewsOf(facts *review.Facts, owner, stage string) (all []*review.Review, err error) {
	owners := facts.Owners(stage)
	switch {
	case len(facts.Metrics) == 0:
		return nil, fmt.Errorf("there is nothing to review: nothing was computed yet, start `firstlight run`")
	case len(owners) == 0:
		return nil, usagef("no metric is of stage %s: say in the catalog which are, stage: %s", stage, stage)
	case owner != "" && !slices.Contains(owners, owner):
		return nil, usagef("nobody owns a metric as %q: %s", owner, orOneOf(owner, owners))
	case owner != "":
		owners = []string{owner}
	}
	for _, o := range owners {
		all = append(all, facts.Of(o, stage))
	}
	return all, nil
}

func writeReviews(all []*review.Review, format string, w io.Writer) error {
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(all)
	case "html":
		text, err := review.AllHTML(all)
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, text)
		return err
	}
	var texts []string
	for _, r := range all {
		if format == "markdown" {
			texts = append(texts, r.Markdown())
		} else {
			texts = append(texts, r.Text())
		}
	}
	_, err := io.WriteString(w, strings.Join(texts, "\n\n"))
	return err
}
