# Firstlight's build. `make` alone builds; `make demo` is the place to start.

export CGO_ENABLED ?= 0

# Tools, pinned.
GOFUMPT   := mvdan.cc/gofumpt@v0.12.0
GOLANGCI  := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOTESTSUM := gotest.tools/gotestsum@v1.13.0

# What the race detector checks: packages that start goroutines or that several share, found by how they do it. The command and the
# engine's are left out, because their tests run the built programs, and so are the benchmarks.
RACE = $(shell grep -rlE --include='*.go' --exclude='*_test.go' '\bgo func|\bgo [a-z]+[.]|make.chan |"sync|[.]Go.func' cmd pipeline sinks | xargs -n1 dirname | \
	sort -u | grep -vE '^cmd/firstlight(-clickhouse)?$$|^cmd/firstlight-bench|test$$|/testdata/' | sed 's|^|./|')

# Where npm puts the SDKs of TestSDKs.
SDKS := .engine/sdks

# The packages whose tests take longest begin first, so that none of them is left over in the end.
LONGEST := ./cmd/firstlight ./pipeline/worker ./sinks/clickhouse ./pipeline/oncall ./cmd/firstlight-chaos

TEST := go run $(GOTESTSUM) --format pkgname --hide-summary=skipped --rerun-fails=2 --rerun-fails-max-failures=20

.PHONY: engine sdks build demo run test fuzz bench bench-anomaly chaos soak lint clean up down
.DEFAULT_GOAL := build

# The embedded ClickHouse engine's library for this platform, in .engine/. A change of package.json renews it.
# Nothing is installed when the environment names a library or a server.
ifeq ($(FIRSTLIGHT_LIBCHDB)$(CLICKHOUSE_URL),)
engine: .engine/node_modules/.installed
else
engine:
	@:
endif

.engine/node_modules/.installed: package.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js, or set FIRSTLIGHT_LIBCHDB to a libchdb.so, or CLICKHOUSE_URL to a ClickHouse server" >&2; exit 1; }
	@mkdir -p .engine
	@cp package.json .engine/package.json
	npm install --prefix .engine --include=optional --no-package-lock --no-audit --no-fund --loglevel=error
	@ls .engine/node_modules/@chdb/*/libchdb.* >/dev/null || { echo "there is no engine library for this platform: set CLICKHOUSE_URL to a ClickHouse server" >&2; exit 1; }
	@touch $@

# The commit and its date, which the binaries name; empty without a checkout.
export COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null)
export DATE   ?= $(shell git log -1 --format=%cI 2>/dev/null)

# The SDKs whose events the collector takes, for the test of them, which is skipped where npm is missing.
sdks: $(SDKS)/node_modules/.installed

$(SDKS)/node_modules/.installed: cmd/firstlight/testdata/sdks/package.json
	@mkdir -p $(SDKS)
	@cp $< $(SDKS)/package.json
	@command -v npm >/dev/null || { echo "npm is missing: the SDKs are not tested" >&2; exit 0; }; \
		npm install --prefix $(SDKS) --omit=optional --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error && touch $@

# The binaries, in bin/.
build:
	go build -ldflags "-X main.commit=$(COMMIT) -X main.date=$(DATE)" -o bin/ ./cmd/...

# Firstlight with a simulated product, everything embedded: the place to start. Data is in data/demo.
demo: engine build
	FIRSTLIGHT_COLLECT_ADDR=$${FIRSTLIGHT_COLLECT_ADDR-127.0.0.1:8088} bin/firstlight demo

# The worker with embedded servers. It needs a catalog: FIRSTLIGHT_CATALOG, or catalog.yaml here. Data is in data.
run: engine build
	bin/firstlight run

# All tests, with programs that are built once, then random cases whose partitions are checked at every flush, then the packages with
# goroutines again under the race detector, which needs a C compiler; they are vetted already. Most of the time tests wait for servers, so
# four packages run at a time. The timeouts are for a machine that is ten times slower than a quiet one. Up to twenty tests that fail beside
# others are named and run again alone, twice at most: those that pass then fail only under load.
test: export FIRSTLIGHT_TEST_PROGRAMS = $(CURDIR)/bin
test: engine sdks build
	$(TEST) --packages="$(LONGEST) ./..." -- -p 4 -timeout 60m
	$(TEST) --packages=./pipeline/worker -- -timeout 60m -tags invariants -run 'InMemory|PartitionsComeAndGo|MovingPartitions'
	CGO_ENABLED=1 $(TEST) --packages="$(filter $(LONGEST),$(RACE)) $(RACE)" -- -p 4 -timeout 60m -race -short -vet=off
	cd schemas/k8s && go vet ./... && go test ./...

# Every fuzz target for FUZZTIME (10s).
fuzz: engine
	.ci/fuzz

lint:
	@unformatted=$$(go run $(GOFUMPT) -l cmd pipeline sinks schemas) && test -z "$$unformatted" || { echo "run gofumpt -w on: $$unformatted" >&2; exit 1; }
	go run $(GOLANGCI) run ./...

# The figures of this machine, as a table; some minutes. bin/firstlight-bench -help names the sizes.
bench: engine build
	bin/firstlight-bench

# How good detection is, as tables that are the same in every run; without ../shared the benchmark's series are left out. One of them:
# bin/firstlight-bench-anomaly restless, faults, volumes or experiments.
bench-anomaly: build
	bin/firstlight-bench-anomaly

# Firstlight under faults: three NATS servers, several workers and ClickHouse, killed, paused, cut off and full, and every number held
# against the oracle in the end; some fifteen minutes. The same SEED is the same events and the same faults.
SEED   ?= 1
FAULTS ?= 300
chaos: engine build
	bin/firstlight-chaos -seed $(SEED) -faults $(FAULTS)

# A steady load for SOAK: nothing may grow.
SOAK ?= 10m
soak: engine build
	bin/firstlight-chaos -seed $(SEED) -soak $(SOAK)

# What was built and what the demo and run have stored; the engine library stays.
clean:
	rm -rf bin data

# The compose stack, built and started; docs/operations.md describes it. State stays in volumes after down.
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

up: .env
	$(COMPOSE) up -d --build
	@echo "Firstlight http://127.0.0.1:8080 (FIRSTLIGHT_HTTP_TOKEN in .env), Grafana http://127.0.0.1:3000 (admin, GRAFANA_ADMIN_PASSWORD in .env),"
	@echo "Prometheus http://127.0.0.1:9090, Alertmanager http://127.0.0.1:9093. Events: http://127.0.0.1:8088 (COLLECT_WRITE_KEY), nats://127.0.0.1:4222 (apps, NATS_APPS_PASSWORD, inbox prefix _INBOX_apps)"

down: .env
	$(COMPOSE) down

# Random passwords, each once: one that is missing after an upgrade is added. They start with a letter and need no quoting anywhere.
.PHONY: .env
.env:
	@umask 077; touch $@; for name in NATS_FIRSTLIGHT_PASSWORD NATS_OPERATOR_PASSWORD NATS_APPS_PASSWORD NATS_WEB_PASSWORD NATS_COLLECT_PASSWORD \
			CLICKHOUSE_FIRSTLIGHT_PASSWORD CLICKHOUSE_GRAFANA_PASSWORD GRAFANA_ADMIN_PASSWORD FIRSTLIGHT_HTTP_TOKEN COLLECT_WRITE_KEY; do \
		grep -q "^$$name=" $@ && continue; \
		echo "$$name=p$$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')" >>$@ && echo "wrote a random $$name to $@"; \
	done
