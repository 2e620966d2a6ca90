package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"firstlight/pipeline/collect"
	"firstlight/pipeline/redact"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
)

// defaultCollectAddr is where collect takes events unless FIRSTLIGHT_COLLECT_ADDR says otherwise.
const defaultCollectAddr = "127.0.0.1:8088"

func collectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "collect",
		Short: "Take events over HTTP, from the SDKs that people have, and store them in the stream",
		Long: `Take events over HTTP at FIRSTLIGHT_COLLECT_ADDR and store them in the stream: from the SDKs of Segment, RudderStack and PostHog,
as CloudEvents, and as JSON. An answer of 200 means stored. It keeps nothing itself: run as many as you like in front of one stream.
"firstlight run" does the same beside its work where FIRSTLIGHT_COLLECT_ADDR is set. docs/events.md says what to change in each SDK.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadSettings()
			if err != nil {
				return err
			}
			if s.CollectAddr == "" {
				s.CollectAddr = defaultCollectAddr
			}
			return runCollect(cmd.Context(), s)
		},
	}
}

// runCollect collects until ctx ends.
func runCollect(ctx context.Context, s *Settings) error {
	listener, err := s.listenCollect(ctx)
	if err != nil {
		return err
	}
	defer listener.Close()
	b := &backends{settings: s, log: s.logger(), patience: s.StartWait}
	defer b.giveUpAfter(ctx, stopPatience)()
	defer b.close()
	entrance := b.enterCollect(ctx, listener)
	defer entrance.close()
	if err := b.findNATS(ctx); err != nil {
		return stopped(ctx, err)
	}
	var c *collecting
	err = b.await(ctx, trouble.NATS, "the stream", func() (err error) {
		c, err = b.collector(ctx, entrance, listener)
		return err
	})
	if err != nil {
		return stopped(ctx, err)
	}
	return c.run(ctx)
}

// enterCollect serves the collector's listener. Until there is a collector it answers 503, so that who sends events tries again.
func (b *backends) enterCollect(ctx context.Context, l net.Listener) *entrance {
	unguarded := func(h http.Handler) http.Handler { return h }
	return enter(ctx, b.trouble().Failing, unguarded, func(ctx context.Context, h http.Handler) error { return collect.Serve(ctx, l, h, b.log) })
}

// findNATS connects to a JetStream that others serve: a collector beside nobody would fill one that nobody reads.
func (b *backends) findNATS(ctx context.Context) error {
	if b.settings.NATSURL == "" {
		peer, err := b.takeData(ctx, false)
		switch {
		case err != nil:
			return err
		case peer == nil:
			return usagef("there is no stream to collect for: set NATS_URL, or start firstlight run with FIRSTLIGHT_COLLECT_ADDR, which collects beside its work")
		case b.demo:
			return usagef("a demo runs here, and these events would mix with its own: set NATS_URL, or FIRSTLIGHT_DATA_DIR to the folder of another firstlight")
		}
	}
	return b.openNATS(ctx, false)
}

// listenCollect takes the collector's address before anything slow begins; nil when it is off.
func (s *Settings) listenCollect(ctx context.Context) (net.Listener, error) {
	if s.CollectAddr == "" {
		return nil, nil
	}
	return listen(ctx, s.CollectAddr, "FIRSTLIGHT_COLLECT_ADDR", " to a free address")
}

// collecting is a collector that can run.
type collecting struct {
	*collect.Collector
	sender   *collect.Sender
	keys     *collect.Keyring
	listener net.Listener
	entrance *entrance
	backends *backends
}

// collector returns a collector over the open stream, to which an entrance will lead.
func (b *backends) collector(ctx context.Context, entrance *entrance, listener net.Listener) (*collecting, error) {
	s := b.settings
	events, err := b.js.Stream(ctx, s.Stream) // which asks for fewer rights than Ensure
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		events, err = stream.Ensure(ctx, b.js, s.Stream)
	}
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", s.Stream, err)
	}
	if events.CachedInfo().Config.NoAck {
		return nil, fmt.Errorf("stream %s confirms nothing (no_ack), so nobody could say what it has stored: switch no_ack off", s.Stream)
	}
	keys, err := collect.NewKeyring(s.WriteKeys, s.CollectRate, func(key string) { secrets.Add(redact.Whole, key) })
	if err != nil {
		return nil, usagef("FIRSTLIGHT_WRITE_KEYS: %w", err)
	}
	proxies, err := collect.ParseProxies(s.CollectProxies)
	if err != nil {
		return nil, usagef("FIRSTLIGHT_COLLECT_PROXIES: %w", err)
	}
	c := &collecting{sender: collect.NewSender(s.Stream, b.connectSender, b.trouble()), keys: keys, listener: listener, entrance: entrance, backends: b}
	if err := c.sender.Connect(); err != nil {
		return nil, err
	}
	c.Collector = collect.New(collect.Config{
		Keys: keys, Proxies: proxies, StoreIP: s.CollectIP, HonourGPC: s.CollectGPC, MaxRequest: s.CollectMaxRequest, MaxEvent: s.CollectMaxEvent, Log: b.log,
	}, c.sender)
	return c, nil
}

// connectSender opens a connection for a sender: what it loses is for the sender to say.
func (b *backends) connectSender() (*nats.Conn, error) {
	options := append(b.natsOptions(), nats.Name("firstlight collect"), nats.NoReconnect(),
		nats.ClosedHandler(func(*nats.Conn) {}), nats.DisconnectErrHandler(func(*nats.Conn, error) {}))
	conn, err := nats.Connect(b.natsURL, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s (NATS_URL): %w", redact.Addresses(b.natsURL), err)
	}
	return conn, nil
}

// run collects until ctx ends and what had begun is answered.
func (c *collecting) run(ctx context.Context) error {
	b, s := c.backends, c.backends.settings
	b.log.Info("collecting", zap.String("http", c.listener.Addr().String()), zap.String("stream", s.Stream), zap.Int("keys", c.keys.Len()))
	group, running := errgroup.WithContext(ctx)
	sending, stop := context.WithCancel(context.WithoutCancel(ctx)) // as long as requests are answered
	group.Go(func() error { return c.sender.Run(sending) })
	group.Go(func() error {
		defer stop()
		c.entrance.lead(c.handler())
		return c.entrance.until(running)
	})
	if s.keysFile != "" {
		group.Go(func() error {
			c.keys.Follow(running, s.keysFile, b.log, b.trouble())
			return nil
		})
	}
	return group.Wait()
}

// handler serves events, and to those who run it, health and metrics.
func (c *collecting) handler() http.Handler {
	face, r := c.backends.settings.face(c.backends.log), prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), c.Metrics())
	metrics := face.metrics(promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	probe := func(wrong func() []string) http.Handler {
		return face.survive(face.program(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, wrong(), nil) })))
	}
	mux := http.NewServeMux()
	mux.Handle("/", c.Collector)
	mux.Handle("/healthz", probe(func() []string { return nil }))
	mux.Handle("/readyz", probe(c.unready))
	mux.Handle("/metrics", face.survive(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if face.gate.Open() && !collect.OfThisMachine(r) {
			http.Error(w, "set FIRSTLIGHT_HTTP_TOKEN, and send it as \"Authorization: Bearer …\"", http.StatusForbidden)
			return
		}
		metrics.ServeHTTP(w, r)
	})))
	return mux
}

// unready says why events cannot be stored.
func (c *collecting) unready() []string {
	if !c.sender.Connected() {
		return []string{"not connected to NATS"}
	}
	return c.backends.trouble().Lasting()
}
