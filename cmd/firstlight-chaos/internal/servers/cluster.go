// Package servers starts what a chaos run is about, each a process of its own that ends with this one: three NATS servers with
// JetStream, the ClickHouse engine, and workers, with a link of package wire between any two of them.
package servers

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/cmd/firstlight-chaos/internal/wire"
	"firstlight/pipeline/testprocess"
)

// Cluster is three NATS servers. Routes between them go through links; clients connect to them directly, or through links of their own.
type Cluster struct {
	Nodes []*Node
	// NoDisks is why no server's disk can be filled here, nil where they can.
	NoDisks error
}

// Node is one server, started again with the data it had.
type Node struct {
	Name   string
	Routes *wire.Link // what other servers dial
	Disk   *Disk      // nil: its data is on a disk that cannot be filled

	config  nodeConfig
	log     string
	mu      sync.Mutex
	process *exec.Cmd
}

// nodeConfig is what a server's process is told, in its environment.
type nodeConfig struct {
	Name, Dir, Advertise   string
	ClientPort, RoutesPort int
	Routes                 []string
}

const nodeVariable = "FIRSTLIGHT_CHAOS_NODE"

// Serve is the process of a server or a disk, if this process is to be one: it serves until its input ends, and does not return.
func Serve() {
	node, disk := os.Getenv(nodeVariable), os.Getenv(diskVariable)
	var err error
	switch {
	case node != "":
		var c nodeConfig
		if err = json.Unmarshal([]byte(node), &c); err == nil {
			err = c.serve()
		}
	case disk != "":
		err = holdDisk(disk)
	default:
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const (
	mostStore  = 2 << 30
	mostMemory = 1 << 28
	diskSize   = 256 << 20
)

func (c *nodeConfig) serve() error {
	s, err := server.NewServer(&server.Options{
		ServerName: c.Name, Host: "127.0.0.1", Port: c.ClientPort, NoSigs: true, JetStream: true, StoreDir: c.Dir,
		JetStreamMaxStore: mostStore, JetStreamMaxMemory: mostMemory,
		// Clients are told of no other servers: they would dial past their links.
		Cluster: server.ClusterOpts{Name: "chaos", Host: "127.0.0.1", Port: c.RoutesPort, Advertise: c.Advertise, NoAdvertise: true},
		Routes:  server.RoutesFromStr(strings.Join(c.Routes, ",")),
	})
	if err != nil {
		return fmt.Errorf("the server %s: %w", c.Name, err)
	}
	s.ConfigureLogger()
	s.Start()
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

// size is how many servers there are: the fewest of which one may be lost.
const size = 3

// StartCluster starts three servers with their data and logs in dir.
func StartCluster(dir string) (*Cluster, error) {
	ports, err := freePorts(2 * size)
	if err != nil {
		return nil, err
	}
	c := &Cluster{}
	for i := range size {
		routes := fmt.Sprintf("127.0.0.1:%d", ports[size+i])
		link, err := wire.Listen(wire.Plain, func() string { return routes })
		if err != nil {
			return nil, err
		}
		name := fmt.Sprint("n", i+1)
		n := &Node{
			Name: name, Routes: link, log: filepath.Join(dir, name+".log"),
			config: nodeConfig{Name: name, Dir: filepath.Join(dir, name), Advertise: link.Addr(), ClientPort: ports[i], RoutesPort: ports[size+i]},
		}
		if n.Disk, err = newDisk(n.config.Dir); err == nil {
			n.config.Dir = n.Disk.Dir
		} else {
			c.NoDisks = err
		}
		c.Nodes = append(c.Nodes, n)
	}
	for _, n := range c.Nodes {
		for _, other := range c.Nodes {
			if other != n {
				n.config.Routes = append(n.config.Routes, "nats://"+other.Routes.Addr())
			}
		}
		if err := n.Start(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// Node returns a server by its name.
func (c *Cluster) Node(name string) *Node {
	for _, n := range c.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// Stop ends all servers.
func (c *Cluster) Stop() {
	for _, n := range c.Nodes {
		n.Kill()
		n.Routes.Close()
		if n.Disk != nil {
			n.Disk.remove()
		}
	}
}

// Connect returns a connection past all links, which soon goes on with another server when one is gone or stands still.
func (c *Cluster) Connect() (*nats.Conn, jetstream.JetStream, error) {
	var urls []string
	for _, n := range c.Nodes {
		urls = append(urls, "nats://"+n.Addr())
	}
	conn, err := nats.Connect(strings.Join(urls, ","), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.RetryOnFailedConnect(true),
		nats.Timeout(2*time.Second), nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2))
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the NATS servers: %w", err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("use JetStream: %w", err)
	}
	return conn, js, nil
}

// Addr is where clients connect.
func (n *Node) Addr() string { return fmt.Sprintf("127.0.0.1:%d", n.config.ClientPort) }

// Start starts a server that does not run.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != nil {
		return nil
	}
	text, err := json.Marshal(n.config)
	if err != nil {
		return fmt.Errorf("start the server %s: %w", n.Name, err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start the server %s: %w", n.Name, err)
	}
	defer log.Close()
	process := testprocess.Command(self)
	process.Env, process.Stdout, process.Stderr = append(os.Environ(), nodeVariable+"="+string(text)), log, log
	if _, err := process.StdinPipe(); err != nil { // it ends when this process does
		return fmt.Errorf("start the server %s: %w", n.Name, err)
	}
	if err := process.Start(); err != nil {
		return fmt.Errorf("start the server %s: %w", n.Name, err)
	}
	n.process = process
	return nil
}

// Kill ends a server at once, as kill -9 does.
func (n *Node) Kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == nil {
		return
	}
	_ = n.process.Process.Kill()
	_ = n.process.Wait()
	n.process = nil
}

// Pause stops a server as it is; Resume has it go on.
func (n *Node) Pause() error { return n.signal(syscall.SIGSTOP) }

// Resume has a server go on.
func (n *Node) Resume() error { return n.signal(syscall.SIGCONT) }

func (n *Node) signal(s syscall.Signal) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == nil {
		return nil
	}
	if err := n.process.Process.Signal(s); err != nil {
		return fmt.Errorf("signal the server %s: %w", n.Name, err)
	}
	return nil
}
