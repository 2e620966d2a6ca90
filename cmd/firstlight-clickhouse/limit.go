package main

import (
	"net"
	"sync"
)

// limited hands out at most cap(places) connections at a time; further ones wait in the system's queue.
type limited struct {
	net.Listener
	places chan struct{}
}

func limit(l net.Listener, connections int) net.Listener {
	return &limited{l, make(chan struct{}, connections)}
}

func (l *limited) Accept() (net.Conn, error) {
	l.places <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &limitedConn{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

type limitedConn struct {
	net.Conn
	leave func()
}

func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
