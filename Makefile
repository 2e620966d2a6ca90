# Firstlight's build. `make` alone builds; `make demo` is the place to start.

export CGO_ENABLED ?= 0

# Tools, pinned.
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# What the race detector checks: where there are goroutines, and the rooms that several of them share.
RACE := ./pipeline/worker ./pipeline/stream ./pipeline/publish ./pipeline/catalog ./pipeline/event ./pipeline/calendar ./pipeline/cohort ./pipeline/notes ./pipeline/oncall ./sinks/alert ./cmd/firstlight-clickhouse/...

.PHONY: engine build demo run test bench bench-anomaly lint clean up down
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

# The binaries, in bin/.
build:
	go build -o bin/ ./cmd/...

# Firstlight with a simulated product, everything embedded: the place to start. Data is in data/demo.
demo: engine build
	bin/firstlight demo

# The worker with embedded servers. It needs a catalog: FIRSTLIGHT_CATALOG, or catalog.yaml here. Data is in data.
run: engine build
	bin/firstlight run

# All tests, then those with goroutines again under the race detector, which needs a C compiler. Most of the time they wait for
# servers, so four packages run at a time.
test: engine
	go test -p 4 ./...
	CGO_ENABLED=1 go test -p 4 -race -short $(RACE)

lint:
	@unformatted=$$(go run $(GOFUMPT) -l cmd pipeline sinks schemas) && test -z "$$unformatted" || { echo "run gofumpt -w on: $$unformatted" >&2; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...

# The figures of this machine, as a table; some minutes. bin/firstlight-bench -help names the sizes.
bench: engine build
	bin/firstlight-bench

# How good detection is, as tables that are the same in every run; without ../shared the benchmark's series are left out.
bench-anomaly: build
	bin/firstlight-bench-anomaly

# What was built and what the demo and run have stored; the engine library stays.
clean:
	rm -rf bin data

# The compose stack, built and started; docs/operations.md describes it. State stays in volumes after down.
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

up: .env
	$(COMPOSE) up -d --build
	@echo "Firstlight http://127.0.0.1:8080, Grafana http://127.0.0.1:3000 (admin, GRAFANA_ADMIN_PASSWORD in .env),"
	@echo "Prometheus http://127.0.0.1:9090, Alertmanager http://127.0.0.1:9093. Events: nats://127.0.0.1:4222 (apps, NATS_APPS_PASSWORD)"

down: .env
	$(COMPOSE) down

# Random passwords, once. They start with a letter and need no quoting anywhere.
.env:
	@umask 077; for name in NATS_FIRSTLIGHT NATS_APPS CLICKHOUSE_FIRSTLIGHT CLICKHOUSE_GRAFANA GRAFANA_ADMIN; do \
		echo "$${name}_PASSWORD=p$$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')"; \
	done >$@.new && mv $@.new $@
	@echo "wrote random passwords to $@"
