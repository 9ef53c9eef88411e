"""fastmcp and pydantic-ai; see README.md."""

import asyncio
import json
import sys
from importlib.metadata import version

from fastmcp import Client
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from pydantic_ai.mcp import MCPToolset

NAME, TRANSPORT, URL, TOKEN = sys.argv[1:5]


def say(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def message(error):
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def dump(content):
    return [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in content]


class FastMcp:
    version = version("fastmcp-slim")

    def __init__(self, transport):
        self.client = Client(transport)

    async def list(self):
        return [tool.name for tool in await self.client.list_tools()]

    async def call(self, name):
        result = await self.client.call_tool(name, {}, raise_on_error=False)
        return {"isError": bool(result.is_error), "content": dump(result.content)}


class PydanticAi:
    version = version("pydantic-ai-slim")

    def __init__(self, transport):
        self.client = MCPToolset(transport)

    async def list(self):
        return [tool.name for tool in await self.client.list_tools()]

    async def call(self, name):
        """It turns blocks into its own types, and an error result into an exception."""
        result = await self.client.direct_call_tool(name, {})
        if isinstance(result, str):
            return {"isError": False, "content": [{"type": "text", "text": result}]}
        block = {"type": "image", "data": result.base64, "mimeType": result.media_type}
        return {"isError": False, "content": [block]}


async def main():
    headers = {"Authorization": f"Bearer {TOKEN}"}
    transport = (SSETransport if TRANSPORT == "sse" else StreamableHttpTransport)(URL, headers=headers)
    connection = (FastMcp if NAME == "fastmcp" else PydanticAi)(transport)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with connection.client:
        say({"connected": connection.version})
        while line := (await lines.readline()).decode().split():
            try:
                work = connection.call(line[1]) if line[0] == "call" else connection.list()
                answer = await asyncio.wait_for(work, 10)
                say(answer if line[0] == "call" else {"tools": answer})
            except BaseException as error:  # noqa: BLE001 - every failure is an answer
                say({"error": message(error)})


try:
    asyncio.run(main())
except BaseException as error:  # noqa: BLE001
    say({"error": message(error)})
