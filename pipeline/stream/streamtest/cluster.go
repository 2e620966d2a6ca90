package streamtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cluster is three servers with JetStream, each a process of its own, so that one can be killed. They end with the test, and
// with the test's process however that ends.
type Cluster struct {
	t     testing.TB
	nodes []node
}

// node is how a server is started. Its process reads it from the environment.
type node struct {
	Name           string
	Client, Routes int
	All            []int // routes of all
	Dir            string

	process *exec.Cmd
}

const nodeVariable = "FIRSTLIGHT_TEST_NATS_NODE"

// Main runs a package's tests, or the server that this process is to be. A package that starts clusters calls it in TestMain.
func Main(m *testing.M) {
	Serve()
	os.Exit(m.Run())
}

// Serve is the server that this process is to be, if it is to be one: then it does not return. It is what a TestMain of its own calls first.
func Serve() {
	if text := os.Getenv(nodeVariable); text != "" {
		serveNode(text)
	}
}

// serveNode serves until stdin ends.
func serveNode(text string) {
	var n node
	err := json.Unmarshal([]byte(text), &n)
	var routes []string
	for _, port := range n.All {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	o := &server.Options{
		ServerName: n.Name, Host: "127.0.0.1", Port: n.Client, NoSigs: true, NoLog: true, JetStream: true, StoreDir: n.Dir,
		JetStreamMaxStore: 1 << 30, JetStreamMaxMemory: 1 << 28,
		Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: n.Routes}, Routes: server.RoutesFromStr(strings.Join(routes, ",")),
	}
	var s *server.Server
	if err == nil {
		s, err = server.NewServer(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s.Start()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// NewCluster starts three servers and waits until they have a leader.
func NewCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	ports := freePorts(t, 6)
	for i := range 3 {
		name := fmt.Sprint("n", i)
		c.nodes = append(c.nodes, node{Name: name, Client: ports[i], Routes: ports[3+i], All: ports[3:], Dir: filepath.Join(t.TempDir(), name)})
		c.Start(name)
	}
	t.Cleanup(func() {
		for i := range c.nodes {
			c.Kill(c.nodes[i].Name)
		}
	})
	return c
}

func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func (c *Cluster) node(name string) *node {
	for i := range c.nodes {
		if c.nodes[i].Name == name {
			return &c.nodes[i]
		}
	}
	c.t.Fatalf("there is no server %q", name)
	return nil
}

// Start starts a server that does not run, with the data it had.
func (c *Cluster) Start(name string) {
	c.t.Helper()
	n := c.node(name)
	text, err := json.Marshal(n)
	if err != nil {
		c.t.Fatal(err)
	}
	n.process = exec.Command(os.Args[0])
	n.process.Env = append(os.Environ(), nodeVariable+"="+string(text))
	n.process.Stderr = os.Stderr
	if _, err := n.process.StdinPipe(); err != nil { // it ends when this process does
		c.t.Fatal(err)
	}
	if err := n.process.Start(); err != nil {
		c.t.Fatal(err)
	}
}

// Kill ends a server at once, as kill -9 does.
func (c *Cluster) Kill(name string) {
	n := c.node(name)
	if n.process == nil {
		return
	}
	_ = n.process.Process.Kill()
	_ = n.process.Wait()
	n.process = nil
}

// URL names all servers.
func (c *Cluster) URL() string {
	var urls []string
	for _, n := range c.nodes {
		urls = append(urls, (&url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", n.Client)}).String())
	}
	return strings.Join(urls, ",")
}

// Connect returns a connection that goes on with another server when one is gone, once JetStream answers.
func (c *Cluster) Connect() (*nats.Conn, jetstream.JetStream) {
	c.t.Helper()
	conn, err := nats.Connect(c.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.RetryOnFailedConnect(true), nats.Timeout(5*time.Second))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		c.t.Fatal(err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Minute); ; <-tick.C {
		if _, err = js.AccountInfo(c.t.Context()); err == nil {
			return conn, js
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("three servers have no leader: %v", err)
		}
	}
}
