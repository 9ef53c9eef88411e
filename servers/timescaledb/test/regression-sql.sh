#!/bin/bash
# Downloads the SQL of PostgreSQL 15's own regression tests from Debian's source package. Prints the folder, which the caller deletes.
set -euo pipefail
# shellcheck source=scripts/ci/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/ci/lib.sh"
folder=$(mktemp -d)
mkdir -p "$folder/lists/partial" "$folder/archives/partial"
echo "deb-src $(debian_mirror) bookworm main" >"$folder/sources.list"
apt() {
  apt-get -q -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$folder/lists" \
    -o Dir::Cache="$folder" -o APT::Sandbox::User="$(id -un)" "$@" >&2
}
apt update
(cd "$folder" && apt source --download-only --only-source postgresql-15)
tar -xf "$folder"/postgresql-15_*.orig.tar.* -C "$folder" --wildcards '*/src/test/regress/sql' --strip-components=4
rm -rf "$folder"/postgresql-15_* "$folder/lists" "$folder/archives" "$folder/sources.list"
echo "$folder"
