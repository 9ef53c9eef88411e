// Official Go SDK (github.com/modelcontextprotocol/go-sdk), on both transports.
// go get github.com/modelcontextprotocol/go-sdk@latest && go run go-sdk.go sse|http PORT  ->  any path
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type echoInput struct {
	Text string `json:"text,omitempty"`
}

type waitInput struct {
	Ms int `json:"ms"`
}

func main() {
	s := mcp.NewServer(&mcp.Implementation{Name: "go-sdk", Version: "1.8.0"}, nil)
	readOnly := &mcp.ToolAnnotations{ReadOnlyHint: true}
	mcp.AddTool(s, &mcp.Tool{Name: "echo", Annotations: readOnly},
		func(_ context.Context, _ *mcp.CallToolRequest, in echoInput) (*mcp.CallToolResult, echoInput, error) {
			return nil, in, nil
		})
	mcp.AddTool(s, &mcp.Tool{Name: "wait", Annotations: readOnly},
		func(ctx context.Context, request *mcp.CallToolRequest, in waitInput) (*mcp.CallToolResult, any, error) {
			for step := 1; step <= 4; step++ {
				select {
				case <-ctx.Done():
					return nil, nil, ctx.Err()
				case <-time.After(time.Duration(in.Ms/4) * time.Millisecond):
				}
				if token := request.Params.GetProgressToken(); token != nil {
					_ = request.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token, Progress: float64(step), Total: 4})
				}
			}
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "done"}}}, nil, nil
		})
	serve := func(*http.Request) *mcp.Server { return s }
	var handler http.Handler = mcp.NewStreamableHTTPHandler(serve, nil)
	if os.Args[1] == "sse" {
		handler = mcp.NewSSEHandler(serve, nil)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[2], handler))
}
