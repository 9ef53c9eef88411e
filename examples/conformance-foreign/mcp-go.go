// mcp-go (github.com/mark3labs/mcp-go), on both transports.
// go get github.com/mark3labs/mcp-go@latest && go run mcp-go.go sse|http PORT  ->  /sse or /mcp
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

type output struct {
	Text string `json:"text"`
}

func main() {
	s := server.NewMCPServer("mcp-go", "1.2.1", server.WithToolCapabilities(false))
	readOnly := mcp.WithReadOnlyHintAnnotation(true)
	s.AddTool(mcp.NewTool("echo", mcp.WithString("text"), mcp.WithOutputSchema[output](), readOnly),
		func(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultStructuredOnly(output{request.GetString("text", "hi")}), nil
		})
	s.AddTool(mcp.NewTool("wait", mcp.WithNumber("ms", mcp.Required()), readOnly),
		func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Duration(request.GetInt("ms", 0)) * time.Millisecond):
				return mcp.NewToolResultText("done"), nil
			}
		})
	address := "127.0.0.1:" + os.Args[2]
	if os.Args[1] == "sse" {
		log.Fatal(server.NewSSEServer(s).Start(address))
	}
	log.Fatal(server.NewStreamableHTTPServer(s).Start(address))
}
