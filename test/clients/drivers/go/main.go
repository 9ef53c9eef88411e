// The official go-sdk and mcp-go; see ../README.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	mark3labs "github.com/mark3labs/mcp-go/client"
	mark3labstransport "github.com/mark3labs/mcp-go/client/transport"
	mark3labsmcp "github.com/mark3labs/mcp-go/mcp"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type connection interface {
	list(ctx context.Context) ([]string, error)
	call(ctx context.Context, name string) (isError bool, content any, err error)
}

type bearer struct{ token string }

func (b bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+b.token)
	return http.DefaultTransport.RoundTrip(request)
}

type goSdk struct{ session *mcp.ClientSession }

func connectGoSdk(ctx context.Context, transport, url, token string) (connection, error) {
	httpClient := &http.Client{Transport: bearer{token}}
	var wire mcp.Transport = &mcp.StreamableClientTransport{Endpoint: url, HTTPClient: httpClient}
	if transport == "sse" {
		wire = &mcp.SSEClientTransport{Endpoint: url, HTTPClient: httpClient}
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "go-sdk", Version: "1"}, nil).Connect(ctx, wire, nil)
	return goSdk{session}, err
}

func (c goSdk) list(ctx context.Context) (names []string, err error) {
	result, err := c.session.ListTools(ctx, nil)
	if err != nil {
		return nil, err
	}
	for _, tool := range result.Tools {
		names = append(names, tool.Name)
	}
	return names, nil
}

func (c goSdk) call(ctx context.Context, name string) (bool, any, error) {
	result, err := c.session.CallTool(ctx, &mcp.CallToolParams{Name: name})
	if err != nil {
		return false, nil, err
	}
	return result.IsError, result.Content, nil
}

type mcpGo struct{ client *mark3labs.Client }

func connectMcpGo(ctx context.Context, transport, url, token string) (connection, error) {
	headers := map[string]string{"Authorization": "Bearer " + token}
	client, err := mark3labs.NewStreamableHttpClient(url, mark3labstransport.WithHTTPHeaders(headers))
	if transport == "sse" {
		client, err = mark3labs.NewSSEMCPClient(url, mark3labs.WithHeaders(headers))
	}
	if err != nil {
		return nil, err
	}
	if err := client.Start(context.Background()); err != nil {
		return nil, err
	}
	request := mark3labsmcp.InitializeRequest{}
	request.Params.ProtocolVersion = mark3labsmcp.LATEST_PROTOCOL_VERSION
	request.Params.ClientInfo = mark3labsmcp.Implementation{Name: "mcp-go", Version: "1"}
	_, err = client.Initialize(ctx, request)
	return mcpGo{client}, err
}

func (c mcpGo) list(ctx context.Context) (names []string, err error) {
	result, err := c.client.ListTools(ctx, mark3labsmcp.ListToolsRequest{})
	if err != nil {
		return nil, err
	}
	for _, tool := range result.Tools {
		names = append(names, tool.Name)
	}
	return names, nil
}

func (c mcpGo) call(ctx context.Context, name string) (bool, any, error) {
	request := mark3labsmcp.CallToolRequest{}
	request.Params.Name = name
	result, err := c.client.CallTool(ctx, request)
	if err != nil {
		return false, nil, err
	}
	return result.IsError, result.Content, nil
}

func say(line map[string]any) {
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func versionOf(module string) string {
	build, _ := debug.ReadBuildInfo()
	for _, dependency := range build.Deps {
		if dependency.Path == module {
			return strings.TrimPrefix(dependency.Version, "v")
		}
	}
	return ""
}

func main() {
	connect, module := connectGoSdk, "github.com/modelcontextprotocol/go-sdk"
	if os.Args[1] == "mcp-go" {
		connect, module = connectMcpGo, "github.com/mark3labs/mcp-go"
	}
	limited := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), 10*time.Second)
	}
	// Not limited: the SSE stream of go-sdk lives as long as the context that opened it.
	c, err := connect(context.Background(), os.Args[2], os.Args[3], os.Args[4])
	if err != nil {
		say(map[string]any{"error": err.Error()})
		return
	}
	say(map[string]any{"connected": versionOf(module)})
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		command, name, _ := strings.Cut(lines.Text(), " ")
		ctx, cancel := limited()
		if command == "list" {
			names, err := c.list(ctx)
			answer(err, map[string]any{"tools": names})
		} else {
			isError, content, err := c.call(ctx, name)
			answer(err, map[string]any{"isError": isError, "content": content})
		}
		cancel()
	}
}

func answer(err error, line map[string]any) {
	if err != nil {
		line = map[string]any{"error": err.Error()}
	}
	say(line)
}
