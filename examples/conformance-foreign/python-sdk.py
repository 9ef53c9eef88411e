# Official Python SDK.  pip install mcp uvicorn && python python-sdk.py sse|http PORT  ->  /sse or /mcp
import sys

import anyio
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import ToolAnnotations

READ_ONLY = ToolAnnotations(read_only_hint=True)
server = MCPServer("python-sdk")


@server.tool(annotations=READ_ONLY)
def echo(text: str = "hi", count: int = 1) -> dict[str, str]:
    """Echo."""
    return {"text": text}


@server.tool(annotations=READ_ONLY)
async def wait(ms: int, ctx: Context) -> str:
    """Takes its time and tells how far it is."""
    for step in range(4):
        await anyio.sleep(ms / 4000)
        await ctx.report_progress(step + 1, 4)
    return "done"


app = server.sse_app() if sys.argv[1] == "sse" else server.streamable_http_app()
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
