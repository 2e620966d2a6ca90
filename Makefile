# Firstlight's build. `make` alone builds; `make demo` is the place to start.

export CGO_ENABLED ?= 0

.PHONY: engine build
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
