package collect

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/net/netutil"

	"firstlight/pipeline/doors"
)

// stopPatience is how long requests may go on after a signal.
const stopPatience = 7 * time.Second

// patience is how long a connection may take, and how many there may be.
type patience struct {
	head, whole, idle time.Duration // for the head of a request, for all of it, and between two
	connections       int
}

// usual is the patience with clients on the internet.
var usual = patience{head: 10 * time.Second, whole: 30 * time.Second, idle: 2 * time.Minute, connections: 8 << 10}

// maxHeader bounds the head of a request, in bytes.
const maxHeader = 16 << 10

// Serve answers requests until ctx ends; it returns once those that had begun are answered, or a few seconds later.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *zap.Logger) error {
	return usual.serve(ctx, l, h, log)
}

func (p patience) serve(ctx context.Context, l net.Listener, h http.Handler, log *zap.Logger) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: p.head, ReadTimeout: p.whole, IdleTimeout: p.idle, MaxHeaderBytes: maxHeader,
		ErrorLog: zap.NewStdLog(log.Named("collect")),
	}
	if err := doors.Serve(ctx, netutil.LimitListener(l, p.connections), server, stopPatience); err != nil {
		return fmt.Errorf("serve the collector: %w", err)
	}
	return nil
}
