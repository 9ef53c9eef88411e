# shellcheck shell=bash disable=SC2154 # the names are those of .ci/run
# Debian's two packagings of Chromium for the live tests of servers/playwright; sourced after backends.sh, whose functions it uses. The
# other tests take the one of @sparticuz/chromium, which npm installs.

# shellcheck source=scripts/ci/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

# The headless shell, which the images contain, and the whole browser: about 30 s and 640 MB. Starts nothing.
backend_chromium() {
  if ! command -v chromium-headless-shell >/dev/null || ! command -v chromium >/dev/null; then
    retry install_debian chromium-headless-shell chromium || return
  fi
  chromium-headless-shell --version && chromium --version || return
  provide OCTET_TEST_CHROMIUM_HEADLESS_SHELL "$(command -v chromium-headless-shell)"
  provide OCTET_TEST_CHROMIUM "$(command -v chromium)"
}
