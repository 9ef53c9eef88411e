# shellcheck shell=bash disable=SC2154 # the names are those of .ci/run
# Loki and Netdata for the live tests of servers/monitoring; sourced after backends.sh, whose functions it uses.

# shellcheck source=scripts/ci/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

readonly loki_version=v3.7.8

# Loki itself, built from the Go module proxy: about five minutes on two cores, once, and 222 MB.
backend_loki() {
  local port folder pid
  cached "loki-$loki_version" "bin/loki -version" build_loki "$loki_version" || return
  folder=$(mktemp -d) port=$(free_ports 1) || return
  # A query that has enough lines cancels its other parts, and each of them takes one of the querier's workers away for up to seconds.
  # Of the default 4 none may be left: the test of paging then takes 5 s, and less than one with 32.
  cat >"$folder/loki.yaml" <<END
auth_enabled: false
server: { http_listen_address: 127.0.0.1, http_listen_port: $port, grpc_listen_address: 127.0.0.1, grpc_listen_port: 0, log_level: error }
common:
  path_prefix: $folder/data
  storage: { filesystem: { chunks_directory: $folder/data/chunks, rules_directory: $folder/data/rules } }
  replication_factor: 1
  instance_addr: 127.0.0.1
  ring: { kvstore: { store: inmemory } }
schema_config:
  configs: [{ from: 2024-01-01, store: tsdb, object_store: filesystem, schema: v13, index: { prefix: index_, period: 24h } }]
querier: { max_concurrent: 32 }
limits_config: { allow_structured_metadata: true, volume_enabled: true, reject_old_samples: false, unordered_writes: true }
analytics: { reporting_enabled: false }
END
  "$cache/loki-$loki_version/bin/loki" -config.file="$folder/loki.yaml" >"$folder/log" 2>&1 &
  pid=$!
  at_exit loki bash -c 'kill "$1" && rm -rf "$2"' stop "$pid" "$folder"
  # Not /ready, which says 503 for half a minute although everything works: a pushed line that can be read.
  await_url "http://127.0.0.1:$port/loki/api/v1/labels" "$pid" || { tail -n 40 "$folder/log"; return 1; }
  provide OCTET_TEST_LOKI_URL "http://127.0.0.1:$port"
}

# Netdata from Debian: 1.37, which serves version 1 of its API and no other.
backend_netdata() {
  local port folder pid
  if ! command -v netdata >/dev/null; then
    retry install_debian netdata-core || return
  fi
  folder=$(mktemp -d) port=$(free_ports 1) || return
  mkdir "$folder/cache" "$folder/lib" "$folder/log"
  cat >"$folder/netdata.conf" <<END
[global]
    run as user = $(id -un)
    hostname = ci-host
[db]
    mode = ram
    retention = 3600
    update every = 1
[directories]
    cache = $folder/cache
    lib = $folder/lib
    log = $folder/log
    registry = $folder/lib/registry
[logs]
    debug = none
    error = $folder/log/error.log
    access = none
[web]
    bind to = 127.0.0.1
    default port = $port
    allow connections from = localhost 127.0.0.1
[cloud]
    enabled = no
[ml]
    enabled = no
[plugins]
    apps = no
    cgroups = no
    charts.d = no
    ebpf = no
    fping = no
    go.d = no
    ioping = no
    nfacct = no
    perf = no
    python.d = no
    slabinfo = no
    statsd = no
    tc = no
    xenstat = no
[registry]
    enabled = no
END
  DO_NOT_TRACK=1 netdata -D -c "$folder/netdata.conf" -P "$folder/pid" >"$folder/out" 2>&1 &
  pid=$!
  at_exit netdata bash -c 'kill "$1" && rm -rf "$2"' stop "$pid" "$folder"
  await_url "http://127.0.0.1:$port/api/v1/data?chart=system.cpu&after=-2&points=1" "$pid" || { tail -n 40 "$folder/log/error.log"; return 1; }
  provide OCTET_TEST_NETDATA_URL "http://127.0.0.1:$port"
}

# Loki's go.mod has replace directives, so `go install loki@version` refuses it: a module of our own takes them over.
build_loki() {
  local version=$1 folder=$2 source=$2/source
  rm -rf "$source" && mkdir -p "$source" "$folder/bin"
  with_go "$folder" install_loki "$version" "$folder" "$source" && rm -rf "$source"
}

install_loki() (
  cd "$3" || exit
  mod=$(go mod download -json "github.com/grafana/loki/v3@$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["GoMod"])') || exit
  {
    printf 'module lokitool\ngo 1.26\nrequire github.com/grafana/loki/v3 %s\n' "$1"
    # A replacement by a local path has no version and is Loki's own package.
    go mod edit -json "$mod" | python3 -c '
import json, sys
for r in json.load(sys.stdin).get("Replace") or []:
    old, new = r["Old"], r["New"]
    if "Version" in new:
        print("replace", old["Path"], old.get("Version", ""), "=>", new["Path"], new["Version"])'
  } >go.mod || exit
  go get -tool "github.com/grafana/loki/v3/cmd/loki@$1" && GOBIN=$2/bin go install github.com/grafana/loki/v3/cmd/loki
)
