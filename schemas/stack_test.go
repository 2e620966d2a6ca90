package schemas_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"firstlight/schemas"
)

// The compose stack as far as it can be judged without containers.

type composeFile struct {
	Services map[string]struct {
		Image       string
		Ports       []string
		Volumes     []string
		ReadOnly    bool     `yaml:"read_only"`
		CapDrop     []string `yaml:"cap_drop"`
		SecurityOpt []string `yaml:"security_opt"`
		Healthcheck map[string]any
		Environment map[string]string
		DependsOn   map[string]map[string]string `yaml:"depends_on"`
	}
	Volumes map[string]any
}

// passwords are what `make up` writes to .env.
var passwords = []string{
	"NATS_FIRSTLIGHT_PASSWORD", "NATS_OPERATOR_PASSWORD", "NATS_APPS_PASSWORD", "NATS_WEB_PASSWORD", "NATS_COLLECT_PASSWORD", "CLICKHOUSE_FIRSTLIGHT_PASSWORD", "CLICKHOUSE_GRAFANA_PASSWORD", "GRAFANA_ADMIN_PASSWORD",
	"FIRSTLIGHT_HTTP_TOKEN", "COLLECT_WRITE_KEY",
}

// TestPasswordsAreMade runs the rule of `make up` that writes .env.
func TestPasswordsAreMade(t *testing.T) {
	dir := t.TempDir()
	makefile, err := filepath.Abs("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	tool(t, dir, "make", "-f", makefile, ".env")
	info, err := os.Stat(dir + "/.env")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("only its owner may read .env: %v %v", info.Mode(), err)
	}
	var names, values []string
	for line := range strings.Lines(string(read(t, dir+"/.env"))) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if !regexp.MustCompile(`^p[0-9a-f]{40}$`).MatchString(value) || slices.Contains(values, value) {
			t.Errorf("%s is %q", name, value)
		}
		names, values = append(names, name), append(values, value)
	}
	if !slices.Equal(names, passwords) {
		t.Errorf(".env has %q, want %q", names, passwords)
	}
	before := read(t, dir+"/.env")
	tool(t, dir, "make", "-f", makefile, ".env")
	if string(read(t, dir+"/.env")) != string(before) {
		t.Error("passwords that are there are replaced")
	}
}

// TestComposeFile lets docker-compose read the stack.
func TestComposeFile(t *testing.T) {
	for _, name := range passwords {
		t.Setenv(name, "p1")
	}
	tool(t, "..", "docker-compose", "config", "--quiet")
}

// TestComposeIsClosed holds that nothing can be reached from outside, or may do more than it needs.
func TestComposeIsClosed(t *testing.T) {
	text := read(t, "../docker-compose.yml")
	var stack composeFile
	// A key beside a merge replaces the merged one, which this decoder takes for a duplicate.
	if err := yaml.UnmarshalWithOptions(text, &stack, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nats", "clickhouse", "firstlight", "collect", "prometheus", "alertmanager", "grafana"} {
		s, found := stack.Services[name]
		switch {
		case !found:
			t.Errorf("there is no service %s", name)
			continue
		case s.Image != "firstlight" && !regexp.MustCompile(`^[a-z/-]+:v?\d+\.\d+\.\d+[0-9a-z.-]*$`).MatchString(s.Image):
			t.Errorf("%s: the image %q is not pinned", name, s.Image)
		case !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}):
			t.Errorf("%s may do more than it needs: %+v", name, s)
		case s.Healthcheck["test"] == nil:
			t.Errorf("%s has no health check", name)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: port %s can be reached from outside", name, port)
			}
		}
		for _, volume := range s.Volumes {
			source, rest, _ := strings.Cut(strings.Replace(volume, "${CATALOG:-./schemas/examples/saas.yaml}", "./schemas/examples/saas.yaml", 1), ":")
			if _, named := stack.Volumes[source]; named {
				continue
			}
			if _, err := os.Stat(filepath.Join("..", source)); err != nil || !strings.HasSuffix(rest, ":ro") {
				t.Errorf("%s: %s must be there and read-only (%v)", name, volume, err)
			}
		}
		for key, value := range s.Environment {
			if (strings.Contains(key, "PASSWORD") || strings.Contains(key, "TOKEN")) && !strings.HasPrefix(value, "${") {
				t.Errorf("%s: %s is written down", name, key)
			}
		}
	}
	for _, found := range regexp.MustCompile(`\$\{(\w+_(?:PASSWORD|TOKEN))([^}]*)\}`).FindAllStringSubmatch(string(text), -1) {
		if !slices.Contains(passwords, found[1]) || !strings.HasPrefix(found[2], ":?") {
			t.Errorf("%s may be empty, or nothing writes it", found[0])
		}
	}
	for _, server := range []string{"nats", "clickhouse"} {
		if stack.Services["firstlight"].DependsOn[server]["condition"] != "service_healthy" {
			t.Errorf("firstlight does not wait for %s", server)
		}
	}
}

// TestDockerfile holds what a reader would check, because no test builds the image.
func TestDockerfile(t *testing.T) {
	text := string(read(t, "../Dockerfile"))
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(read(t, "../go.mod")))[1]
	for _, want := range []string{
		"FROM golang:" + version + ".", "CGO_ENABLED=0 go build", "./cmd/firstlight\n", "FROM scratch\n", "\nUSER 65532:65532\n",
		`CMD ["/firstlight", "health"]`, `ENTRYPOINT ["/firstlight"]`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the Dockerfile has no %q", want)
		}
	}
	ignored := strings.Split(string(read(t, "../.dockerignore")), "\n")
	for _, name := range []string{".env", "data", ".engine"} {
		if !slices.Contains(ignored, name) {
			t.Errorf(".dockerignore lets %s into the image's build", name)
		}
	}
}

// TestClickHouseUsers holds that Grafana's user may read every view but those with single users, and no table.
// `go test ./schemas -update` writes its grants anew.
func TestClickHouseUsers(t *testing.T) {
	text := read(t, "stack/clickhouse/users.xml")
	for _, path := range []string{"stack/clickhouse/users.xml", "stack/clickhouse/config.xml"} {
		decoder := xml.NewDecoder(strings.NewReader(string(read(t, path))))
		for _, err := decoder.Token(); !errors.Is(err, io.EOF); _, err = decoder.Token() {
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
	}
	views, err := schemas.Views("firstlight")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, view := range views {
		if !slices.Contains([]string{"user_progress", "stalled_users", "voices"}, view.Name) {
			want = append(want, "GRANT SELECT ON firstlight."+view.Name)
		}
	}
	if *update {
		lines := regexp.MustCompile(`(?m)^( *<query>)GRANT SELECT ON firstlight\.[a-z_]+(</query>\n)`)
		first := lines.FindSubmatchIndex(text)
		open, end := string(text[first[2]:first[3]]), string(text[first[4]:first[5]])
		rest := lines.ReplaceAll(text[first[0]:], nil)
		text = slices.Concat(text[:first[0]], []byte(open+strings.Join(want, end+open)+end), rest)
		if err := os.WriteFile("stack/clickhouse/users.xml", text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var config struct {
		Grants []string `xml:"users>grafana>grants>query"`
	}
	if err := xml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(config.Grants, want) {
		t.Errorf("grafana's grants are\n%s\nwant\n%s", strings.Join(config.Grants, "\n"), strings.Join(want, "\n"))
	}
}
