package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// portPatience is how long an address is waited for that another process holds, lockPatience the same while one
	// holds the data directory: it may be an engine that is just ending.
	portPatience = time.Second
	lockPatience = 10 * time.Second
)

// bind takes the sockets.
func (p *Process) bind(ctx context.Context) error {
	host, _, err := net.SplitHostPort(p.config.Listen)
	if err != nil {
		return fmt.Errorf("the address %s cannot be used: write it with a port, as 127.0.0.1:PORT: %w", p.config.Listen, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("refusing to listen on %q: the embedded engine serves loopback addresses only (127.0.0.1:PORT)", p.config.Listen)
	}
	if p.readers, err = p.listen(ctx, p.config.Listen); err != nil {
		return err
	}
	if p.owners, err = p.listen(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	for _, l := range []*net.TCPListener{p.readers, p.owners} {
		f, err := l.File()
		if err != nil {
			return fmt.Errorf("preparing a socket for the embedded engine: %w", err)
		}
		p.files = append(p.files, f)
	}
	return nil
}

// unbind gives the sockets up.
func (p *Process) unbind() {
	for _, f := range p.files {
		f.Close()
	}
	for _, l := range []*net.TCPListener{p.readers, p.owners} {
		if l != nil {
			l.Close()
		}
	}
}

// listen listens on address, waiting a while for another process to release it.
func (p *Process) listen(ctx context.Context, address string) (*net.TCPListener, error) {
	told := false
	for began := time.Now(); ; {
		l, err := net.Listen("tcp", address)
		if err == nil {
			return l.(*net.TCPListener), nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("the address %s cannot be used: %w", address, err)
		}
		patience := portPatience
		if locked(p.config.Path) {
			patience = lockPatience
			if !told {
				p.config.Log(fmt.Sprintf("the data directory %s is in use: waiting for it up to %v", p.config.Path, lockPatience))
			}
			told = true
		}
		if time.Since(began) > patience {
			return nil, fmt.Errorf("the address %s is taken by another process: stop it, or choose another address", address)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("starting the embedded engine: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// locked tells whether a helper holds a data directory.
func locked(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "firstlight.lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
