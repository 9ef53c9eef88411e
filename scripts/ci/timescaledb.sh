#!/bin/bash
# Runs TimescaleDB (the Apache edition: Debian trixie's postgresql-17-timescaledb) for the tests, on Debian 12 as root, in a chroot of its
# own so that nothing of the host is upgraded. Prints the assignments for the tests' environment on stdout, everything else on stderr.
#   eval "$(scripts/ci/timescaledb.sh start [NAME])"      …      scripts/ci/timescaledb.sh stop [NAME]
# NAME: of the server's data, so that several servers run at once; default octet. They are deleted when it stops.
# OCTET_TIMESCALEDB_ROOT: the folder of the chroot, kept between runs; default /var/tmp/octet-timescaledb.
set -euo pipefail
# shellcheck source=scripts/ci/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"
[ "$(id -u)" = 0 ] || exec sudo --preserve-env "$0" "$@"

root=${OCTET_TIMESCALEDB_ROOT:-/var/tmp/octet-timescaledb}
bin=/usr/lib/postgresql/17/bin
folder=/var/tmp/${2:-octet}

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
as_postgres() { chroot --userspec=postgres:postgres "$root" env -i PATH=/usr/bin:/bin HOME=/tmp LC_ALL=C.UTF-8 "$@"; }

install() {
  command -v debootstrap >/dev/null || install_debian debootstrap
  if [ ! -e "$root/.bootstrapped" ]; then
    rm -rf "$root"
    debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$(debian_mirror)"
    touch "$root/.bootstrapped"
  fi
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
  # The host's certificate authorities and apt settings: a machine behind a proxy or a private mirror needs them inside too.
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" 2>/dev/null || true
  find /etc/apt/apt.conf.d -type f -name '*prox*' -exec cp {} "$root/etc/apt/apt.conf.d/" \; 2>/dev/null || true
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  inside apt-get update -q
  inside apt-get install -y -q --no-install-recommends postgresql-17 postgresql-17-timescaledb
  inside apt-get clean
}

again() {
  echo 'timescaledb.sh: installing failed, trying once more' >&2
  sleep 10
  rm -rf "$root"
  install
}

installed() { [ -x "$root$bin/postgres" ] && [ -e "$root/usr/share/postgresql/17/extension/timescaledb.control" ]; }

start() {
  (flock 9 && { installed || { install; installed; } || again; } 9>&-) 9>"$root.lock" >&2
  stop >&2
  mkdir -p "$root$folder"
  chroot "$root" chown postgres:postgres "$folder"
  chmod 700 "$root$folder"
  as_postgres $bin/initdb -D $folder/data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync -c dynamic_shared_memory_type=mmap >&2
  local port
  port=$(free_ports 1)
  # No /dev/shm in a chroot without mounts, hence mmap.
  as_postgres $bin/pg_ctl -D $folder/data -w -t 60 -s -l $folder/log -o "-p $port -h 127.0.0.1 -k $folder -c dynamic_shared_memory_type=mmap -c fsync=off -c full_page_writes=off -c shared_preload_libraries=timescaledb -c timescaledb.telemetry_level=off -c max_worker_processes=24" start >&2
  echo "export OCTET_TEST_TIMESCALEDB_URL=postgresql://postgres@127.0.0.1:$port/postgres"
}

stop() {
  if [ -e "$root$folder/data/postmaster.pid" ]; then as_postgres $bin/pg_ctl -D $folder/data -m fast -w -s stop || true; fi
  rm -rf "${root:?}$folder"
}

case ${1:-start} in
  start) start ;;
  stop) stop ;;
  *)
    echo "usage: $0 start|stop [NAME]" >&2
    exit 2
    ;;
esac
