# shellcheck shell=bash disable=SC2154 # sourced by backends.sh
# MCP clients in JavaScript, Python, Go and Java for test/clients/more-clients.live.test.ts, at pinned versions. Those of Go are in
# test/clients/drivers/go/go.mod.

readonly ai_sdk_version=2.0.99 openai_agents_version=0.20.0 mcp_remote_version=0.15.1 zod_version=4.6.7
readonly fastmcp_version=4.2.0 pydantic_ai_version=2.68.0 java_sdk_version=2.1.0

backend_more_clients() {
  local drivers=$PWD/test/clients/drivers npm python go java
  npm=clients-npm-$ai_sdk_version-$openai_agents_version-$mcp_remote_version-$zod_version
  cached "$npm" true install_npm "@ai-sdk/mcp@$ai_sdk_version" "@openai/agents-core@$openai_agents_version" \
    "@modelcontextprotocol/client@2.4.0" "mcp-remote@$mcp_remote_version" "zod@$zod_version" || return
  provide OCTET_TEST_CLIENTS_NPM "$cache/$npm"

  python=clients-python-$fastmcp_version-$pydantic_ai_version-$(python3 -c 'import platform; print(platform.python_version())') || return
  cached "$python" "bin/python -c 'import fastmcp, pydantic_ai.mcp'" \
    install_python "fastmcp-slim==$fastmcp_version" "pydantic-ai-slim[mcp]==$pydantic_ai_version" || return
  provide OCTET_TEST_CLIENTS_PYTHON "$cache/$python/bin/python"

  go=clients-go-$(cat "$drivers"/go/* | sha256sum | cut -c1-16)
  cached "$go" "test -x clients" build_go_clients "$drivers/go" || return
  provide OCTET_TEST_CLIENTS_GO "$cache/$go/clients"

  java=clients-java-$java_sdk_version-$(sha256sum <"$drivers/Clients.java" | cut -c1-16)
  cached "$java" "test -e Clients.class" build_java_clients "$drivers/Clients.java" || return
  provide OCTET_TEST_CLIENTS_JAVA "$cache/$java"
}

build_go_clients() {
  with_go "$2" env -C "$1" nice -n 19 go build -trimpath -o "$2/clients" .
}

build_java_clients() {
  local source=$1 folder=$2
  if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then install_debian maven default-jdk-headless || return; fi
  cat >"$folder/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>octet</groupId>
  <artifactId>clients</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>io.modelcontextprotocol.sdk</groupId><artifactId>mcp</artifactId><version>$java_sdk_version</version></dependency>
  </dependencies>
</project>
POM
  nice -n 19 mvn -q -B -f "$folder/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$folder" &&
    javac -nowarn -cp "$folder/*" -d "$folder" "$source"
}
