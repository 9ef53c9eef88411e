#!/usr/bin/env bash
# ask-image.sh TOOL ARGUMENTS TEXT DOCKER-RUN-ARGUMENTS…: starts the container, calls the tool over /mcp, and expects TEXT in its result.
set -euo pipefail
tool=$1 arguments=$2 text=$3
shift 3

id=$(docker run --detach --read-only --tmpfs /tmp -e MCP_AUTH_TOKEN=release-check --publish 127.0.0.1::8080 "$@")
trap 'docker logs --tail 20 "$id"; docker rm --force "$id" >/dev/null' EXIT
address=http://$(docker port "$id" 8080/tcp | head -n 1)
curl -fsS --retry 30 --retry-delay 1 --retry-all-errors -o /dev/null "$address/health"
answer=$(curl -fsS --max-time 60 "$address/mcp" -H 'Authorization: Bearer release-check' -H 'Content-Type: application/json' \
  -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"$tool\",\"arguments\":$arguments}}")
echo "$answer"
grep -qF -- "$text" <<<"$answer"
