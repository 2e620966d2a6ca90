package doors

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Serve answers requests at l until ctx ends. Those that had begun may go on for grace, then their connections are cut. An error is that of
// a listener that broke.
func Serve(ctx context.Context, l net.Listener, server *http.Server, grace time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(stop); errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return nil
}
