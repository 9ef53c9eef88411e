"""Drives the official Python SDK for test/clients/python-sdk.live.test.ts.

Reads one JSON command per line on stdin and prints one JSON answer per line on stdout:
{"id", "op": "connect" | "list" | "call" | "cancel" | "close", ...} -> {"id", "result"} or {"id", "error": {"message", "code"}},
and {"id", "progress"} or {"connection", "log"} in between. Each connection lives in a task of its own, because the SDK's scopes belong to a task.
"""

import asyncio
import json
import sys

from mcp import Client
from mcp.client.sse import sse_client

try:
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client
except ImportError:  # only needed over /mcp
    streamable_http_client = None


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def failure(error):
    """The first error that is not a group: what a user of the SDK would look at."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    inner = getattr(error, "error", None)
    code = getattr(inner, "code", None) or getattr(error, "code", None)
    return {"type": type(error).__name__, "message": str(error), "code": code if isinstance(code, int) else None}


def dump(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


class Connection:
    def __init__(self, command):
        self.command = command
        self.client = None
        self.stop = asyncio.Event()

    async def run(self):
        transport, url, headers = (self.command[name] for name in ("transport", "url", "headers"))
        if transport == "sse":
            streams = sse_client(url, headers=headers)
        else:
            streams = streamable_http_client(url, http_client=create_mcp_http_client(headers=headers))

        async def on_log(params):
            say({"connection": self.command["id"], "log": params.data})

        try:
            options = {"mode": self.command["mode"], "logging_callback": on_log}
            if self.command.get("log_level"):
                options["log_level"] = self.command["log_level"]
            async with Client(streams, **options) as client:
                self.client = client
                info = client.server_info
                say(
                    {
                        "id": self.command["id"],
                        "result": {
                            "serverName": info.name if info else None,
                            "protocolVersion": client.protocol_version,
                        },
                    }
                )
                await self.stop.wait()
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs into the answer
            if self.client is None:
                say({"id": self.command["id"], "error": failure(error)})
            if isinstance(error, asyncio.CancelledError):
                raise


async def call(connection, command):
    async def on_progress(progress, total, message):
        say({"id": command["id"], "progress": {"progress": progress, "total": total, "message": message}})

    return dump(
        await connection.client.call_tool(
            command["name"],
            command.get("arguments"),
            progress_callback=on_progress if command.get("progress") else None,
        )
    )


async def answer(command, work):
    try:
        say({"id": command["id"], "result": await work})
    except asyncio.CancelledError:
        say({"id": command["id"], "error": {"type": "CancelledError", "message": "cancelled", "code": None}})
    except BaseException as error:  # noqa: BLE001
        say({"id": command["id"], "error": failure(error)})


async def list_tools(connection):
    return dump(await connection.client.list_tools())["tools"]


async def main():
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    connections, tasks, calls = {}, {}, {}
    while line := await lines.readline():
        command = json.loads(line)
        match command["op"]:
            case "connect":
                connection = connections[command["id"]] = Connection(command)
                tasks[command["id"]] = asyncio.create_task(connection.run())
            case "list":
                asyncio.create_task(answer(command, list_tools(connections[command["connection"]])))
            case "call":
                work = call(connections[command["connection"]], command)
                calls[command["id"]] = asyncio.create_task(answer(command, work))
            case "cancel":
                calls[command["call"]].cancel()
            case "close":
                connections[command["connection"]].stop.set()

                async def close(task=tasks[command["connection"]]):
                    await asyncio.wait({task}, timeout=5)

                asyncio.create_task(answer(command, close()))
    for task in tasks.values():
        task.cancel()


asyncio.run(main())
