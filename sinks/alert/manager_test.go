package alert_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/testprocess"
	"firstlight/pipeline/testtool"
)

// manager is a real Alertmanager.
type manager struct {
	t       *testing.T
	address string
	config  string
	cmd     *exec.Cmd
}

const plainConfig = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"

// startManager starts an Alertmanager with a configuration, on a free port.
func startManager(t *testing.T, config string) *manager {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{t: t, address: l.Addr().String(), config: filepath.Join(t.TempDir(), "alertmanager.yml")}
	l.Close()
	if err := os.WriteFile(m.config, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	m.start()
	t.Cleanup(m.kill)
	return m
}

// start starts it with an empty storage.
func (m *manager) start() {
	m.t.Helper()
	m.cmd = testprocess.Command(testtool.Path(m.t, "prometheus-alertmanager", "alertmanager"), "--config.file="+m.config, "--storage.path="+m.t.TempDir(),
		"--web.listen-address="+m.address, "--cluster.listen-address=", "--log.level=error")
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	until(m.t, "Alertmanager is ready", func() bool {
		res, err := http.Get(m.url() + "/-/ready")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == 200
	})
}

func (m *manager) kill() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
}

func (m *manager) url() string { return "http://" + m.address }

// alerting is an alert as Alertmanager shows it.
type alerting struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	UpdatedAt           time.Time
	GeneratorURL        string
	Fingerprint         string
	Status              struct {
		State       string
		InhibitedBy []string
	}
}

// alerts returns what fires, ordered by label severity. Matchers narrow it; the watchdog is left out.
func (m *manager) alerts(matchers ...string) []alerting {
	m.t.Helper()
	q := url.Values{"filter": append(matchers, `alertname!="FirstlightWatchdog"`)}
	return m.get(q)
}

func (m *manager) get(q url.Values) (all []alerting) {
	m.t.Helper()
	res, err := http.Get(m.url() + "/api/v2/alerts?" + q.Encode())
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&all); err != nil {
		m.t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b alerting) int {
		return strings.Compare(fmt.Sprint(a.Labels), fmt.Sprint(b.Labels))
	})
	return all
}

// the returns the one alert that fires.
func (m *manager) the(matchers ...string) alerting {
	m.t.Helper()
	all := m.alerts(matchers...)
	if len(all) != 1 {
		m.t.Fatalf("%d alerts fire, want one: %+v", len(all), all)
	}
	return all[0]
}
