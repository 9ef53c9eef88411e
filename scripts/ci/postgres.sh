#!/bin/bash
# Brings what the tests of the postgres server need on Debian 12 as root: PostgreSQL 15 from Debian. Prints the assignments for the
# tests' environment on stdout, everything else on stderr. Starts nothing: the tests start clusters of their own.
#   eval "$(scripts/ci/postgres.sh)"
set -euo pipefail

bin=/usr/lib/postgresql/15/bin

install() {
  # A daemon that apt starts would hold port 5432 and memory; 101 is "not allowed" (invoke-rc.d).
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
  fi
  apt-get -o DPkg::Lock::Timeout=300 update -q
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends postgresql-15 postgresql-contrib
}

if [ ! -x "$bin/postgres" ]; then
  install >&2 || {
    echo 'postgres.sh: installing failed, trying once more' >&2
    sleep 10
    install >&2
  }
fi
"$bin/postgres" --version >&2
echo "export OCTET_TEST_POSTGRES_BIN=$bin"
