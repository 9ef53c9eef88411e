# shellcheck shell=bash disable=SC2154 # the names are those of .ci/run
# S3 stores for the live tests of servers/storage: MinIO, and Ceph's RADOS gateway, because users run more than one kind. Sourced after
# backends.sh, whose functions it uses. Both keep their data in a folder of their own and listen on free ports of loopback.

# shellcheck source=scripts/ci/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

readonly minio_version=v0.0.0-20260212201848-7aac2a2c5b7c
readonly s3_access_key=octet-test s3_secret_key=octet-test-secret

# MinIO itself, built from the Go module proxy, because its binaries are no longer published: about four minutes on two cores, once, and 150 MB.
backend_minio() {
  local port folder pid
  cached "minio-$minio_version" 'bin/minio --version' build_minio "$minio_version" || return
  folder=$(mktemp -d) port=$(free_ports 1) || return
  # A region of its own: only a store that checks it finds a client that assumes one.
  MINIO_ROOT_USER=$s3_access_key MINIO_ROOT_PASSWORD=$s3_secret_key MINIO_BROWSER=off MINIO_SITE_REGION=eu-octet-1 \
    "$cache/minio-$minio_version/bin/minio" server "$folder/data" --address "127.0.0.1:$port" >"$folder/log" 2>&1 &
  pid=$!
  at_exit minio bash -c 'kill "$1" && rm -rf "$2"' stop "$pid" "$folder"
  await_url "http://127.0.0.1:$port/minio/health/ready" "$pid" || { tail -n 40 "$folder/log"; return 1; }
  provide OCTET_TEST_MINIO_URL "http://127.0.0.1:$port"
  provide OCTET_TEST_S3_ACCESS_KEY "$s3_access_key"
  provide OCTET_TEST_S3_SECRET_KEY "$s3_secret_key"
}

# One monitor, one OSD in memory and one gateway, without authentication among them.
backend_ceph() {
  local port monitor folder options
  if ! command -v radosgw >/dev/null || ! command -v ceph-mon >/dev/null || ! command -v ceph-osd >/dev/null; then
    install_debian ceph-mon ceph-osd radosgw || return
  fi
  folder=$(mktemp -d) || return
  read -r port monitor < <(free_ports 2) || return
  options=(--conf "$folder/ceph.conf")
  at_exit ceph bash -c 'kill $(cat "$1"/run/*.pid); rm -rf "$1"' stop "$folder"
  write_ceph_conf "$folder" "$port" "$monitor"
  {
    monmaptool --create --clobber --fsid "$(sed -n 's/^fsid = //p' "$folder/ceph.conf")" --addv a "[v2:127.0.0.1:$monitor]" "$folder/monmap" &&
      ceph-mon "${options[@]}" -i a --mkfs --monmap "$folder/monmap" &&
      ceph-mon "${options[@]}" -i a &&
      start_osd "${options[@]}" &&
      timeout 60 radosgw-admin "${options[@]}" user create --uid=test --display-name=test \
        --access-key="$s3_access_key" --secret-key="$s3_secret_key" &&
      radosgw "${options[@]}" -n client.rgw &&
      await_url "http://127.0.0.1:$port/" "$(cat "$folder/run/client.rgw.pid")"
  } || { tail -n 20 "$folder"/log/*; return 1; }
  provide OCTET_TEST_CEPH_URL "http://127.0.0.1:$port"
  provide OCTET_TEST_S3_ACCESS_KEY "$s3_access_key"
  provide OCTET_TEST_S3_SECRET_KEY "$s3_secret_key"
}

start_osd() {
  local id
  id=$(cat /proc/sys/kernel/random/uuid)
  timeout 30 ceph "$@" osd new "$id" 0 && ceph-osd "$@" -i 0 --mkfs --osd-uuid "$id" && ceph-osd "$@" -i 0 || return
  for _ in $(seq 100); do
    if timeout 10 ceph "$@" osd stat | grep -q '1 up'; then return; fi
    sleep 0.2
  done
  return 1
}

# write_ceph_conf FOLDER PORT MONITOR-PORT
write_ceph_conf() {
  mkdir -p "$1"/{mon,osd,run,rgw,log}
  cat >"$1/ceph.conf" <<END
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = v2:127.0.0.1:$3/0
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
public_network = 127.0.0.0/8
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
admin_socket =
run_dir = $1/run
pid_file = $1/run/\$name.pid
log_file = $1/log/\$name.log
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
[mon]
mon_data = $1/mon
mon_initial_members = a
[osd]
osd_data = $1/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_memory_target = 939524096
osd_class_load_list = *
osd_class_default_list = *
[client]
keyring = /dev/null
# Without it the gateway asks for an encrypted connection, which needs the authentication that is switched off.
ms_mon_client_mode = crc
rgw_data = $1/rgw
rgw_frontends = beast endpoint=127.0.0.1:$2
rgw_enable_apis = s3, admin
rgw_thread_pool_size = 16
rgw_init_timeout = 60
rgw_dns_name = 127.0.0.1
END
}

build_minio() {
  GOBIN=$2/bin with_go "$2" go install "github.com/minio/minio@$1"
}
