# FastMCP.  pip install fastmcp && python fastmcp-server.py sse|http PORT  ->  /sse or /mcp
import sys

import anyio
from fastmcp import Context, FastMCP

server = FastMCP("fastmcp")


@server.tool(annotations={"readOnlyHint": True})
def echo(text: str = "hi", count: int = 1) -> dict[str, str]:
    """Echo."""
    return {"text": text}


@server.tool(annotations={"readOnlyHint": True})
async def wait(ms: int, ctx: Context) -> str:
    """Takes its time and tells how far it is."""
    for step in range(4):
        await anyio.sleep(ms / 4000)
        await ctx.report_progress(step + 1, 4)
    return "done"


server.run(transport=sys.argv[1], host="127.0.0.1", port=int(sys.argv[2]), show_banner=False)
