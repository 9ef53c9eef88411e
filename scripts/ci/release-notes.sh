#!/usr/bin/env bash
# release-notes.sh VERSION: prints that version's section of CHANGELOG.md; fails when there is none.
set -euo pipefail
awk -v heading="## [$1]" 'index($0, "## [") == 1 { on = index($0, heading) == 1; next } on' "$(dirname "$0")/../../CHANGELOG.md" | grep .
