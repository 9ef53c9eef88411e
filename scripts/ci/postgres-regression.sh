#!/bin/bash
# postgres-regression.sh FOLDER: downloads the SQL of PostgreSQL 15's own regression tests from Debian's source package into FOLDER/sql.
set -euo pipefail
# shellcheck source=scripts/ci/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
folder=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder" "$work/lists/partial" "$work/archives/partial"
echo "deb-src $(debian_mirror) bookworm main" >"$work/sources.list"
apt() {
  apt-get -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$work/lists" \
    -o Dir::Cache="$work" -o APT::Sandbox::User="$(id -un)" "$@"
}
apt update
(cd "$work" && apt source --download-only --only-source postgresql-15)
tar -xf "$work"/postgresql-15_*.orig.tar.* -C "$folder" --wildcards '*/src/test/regress/sql' --strip-components=4
