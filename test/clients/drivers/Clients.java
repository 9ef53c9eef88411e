// The official Java SDK; see README.md.
import io.modelcontextprotocol.client.McpClient;
import io.modelcontextprotocol.client.transport.HttpClientSseClientTransport;
import io.modelcontextprotocol.client.transport.HttpClientStreamableHttpTransport;
import io.modelcontextprotocol.json.McpJsonDefaults;
import io.modelcontextprotocol.spec.McpSchema;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Pattern;

public class Clients {
  static void say(Map<String, Object> line) {
    try {
      System.out.println(McpJsonDefaults.getMapper().writeValueAsString(line));
    } catch (Exception error) {
      throw new RuntimeException(error);
    }
  }

  static String message(Throwable error) {
    while (error.getCause() != null) error = error.getCause();
    return String.valueOf(error.getMessage());
  }

  public static void main(String[] args) throws Exception {
    var url = URI.create(args[2]);
    var base = url.resolve("/").toString();
    var request = HttpRequest.newBuilder().header("Authorization", "Bearer " + args[3]);
    var transport = args[1].equals("sse")
        ? HttpClientSseClientTransport.builder(base).sseEndpoint(url.getPath()).requestBuilder(request).build()
        : HttpClientStreamableHttpTransport.builder(base).endpoint(url.getPath()).requestBuilder(request).build();
    var client = McpClient.sync(transport).requestTimeout(Duration.ofSeconds(10)).build();
    try {
      client.initialize();
      var version = Pattern.compile("/mcp-([0-9.]+)\\.jar").matcher(System.getProperty("java.class.path"));
      say(Map.of("connected", version.find() ? version.group(1) : ""));
    } catch (Exception error) {
      say(Map.of("error", message(error)));
      System.exit(0);
    }
    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      try {
        if (line.equals("list")) {
          say(Map.of("tools", client.listTools().tools().stream().map(McpSchema.Tool::name).toList()));
        } else {
          var result = client.callTool(new McpSchema.CallToolRequest(line.substring(5), Map.of()));
          say(Map.of("isError", Boolean.TRUE.equals(result.isError()), "content", result.content()));
        }
      } catch (Exception error) {
        say(Map.of("error", message(error)));
      }
    }
    System.exit(0);
  }
}
