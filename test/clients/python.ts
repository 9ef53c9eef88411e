// Talks to test/clients/python-sdk.py, so that the Python SDK is one more adapter to the table of behaviours.

import { fileURLToPath } from 'node:url'
import { JsonLineProcess, type Line } from '../helpers/json-line-process.ts'
import type { CallOptions, CallResult, Connection, ListedTool, Target } from './behaviours.ts'

const program = fileURLToPath(new URL('python-sdk.py', import.meta.url))

export const python = process.env.OCTET_TEST_PYTHON
export const skipPython = python === undefined ? 'the Python MCP SDK is not installed (OCTET_TEST_PYTHON)' : undefined

export interface PythonOptions {
  transport: 'sse' | 'http'
  /** As in `Client(mode=…)`. */
  mode: 'auto' | 'legacy'
  /** 2026-07-28: the level that is asked for with each request. */
  logLevel?: string
  /** Ends the Python process at once, whatever it waits for. */
  signal?: AbortSignal
}

let shared: JsonLineProcess | undefined
let nextId = 0

/** All connections of a test file live in one Python process, which ends with the file; with a `signal` a connection has one of its own. */
function driver({ signal }: PythonOptions): JsonLineProcess {
  if (shared !== undefined && signal === undefined) return shared
  const child = new JsonLineProcess(python ?? 'python3', [program], { PYTHONUNBUFFERED: '1' })
  if (signal === undefined) {
    child.unref()
    shared = child
  } else signal.addEventListener('abort', () => void child.stop())
  return child
}

export async function connectPython(target: Target, options: PythonOptions): Promise<Connection> {
  const child = driver(options)

  const send = (op: string, fields: Record<string, unknown>): number => {
    nextId += 1
    child.process.stdin.write(`${JSON.stringify({ id: nextId, op, ...fields })}\n`)
    return nextId
  }
  const answer = async (id: number): Promise<unknown> => {
    const line = await child.line(`answer ${id}`, (line) => line.id === id && line.progress === undefined, 0, 60_000)
    if (line.error !== undefined) {
      const { message, code, type } = line.error as { message: string; code: number | null; type: string }
      throw Object.assign(new Error(message || type), { code })
    }
    return line.result
  }

  const connection = send('connect', {
    transport: options.transport,
    mode: options.mode,
    log_level: options.logLevel,
    url: `${target.url}${options.transport === 'sse' ? '/sse' : '/mcp'}`,
    headers: target.headers,
  })
  const connected = (await answer(connection)) as { serverName: string; protocolVersion: string }
  return {
    ...connected,
    get logs() {
      return child.lines.flatMap((line) => (line.connection === connection ? [String(line.log)] : []))
    },
    listTools: async () => (await answer(send('list', { connection }))) as ListedTool[],
    async callTool(name, args, { onProgress, signal }: CallOptions = {}) {
      const id = send('call', { connection, name, arguments: args, progress: onProgress !== undefined })
      const cancel = () => send('cancel', { call: id })
      signal?.addEventListener('abort', cancel)
      try {
        return (await answer(id)) as CallResult
      } finally {
        signal?.removeEventListener('abort', cancel)
        for (const line of child.lines) if (line.id === id && line.progress) onProgress?.(line.progress as ProgressLine)
      }
    },
    async close() {
      if (!child.ended) await answer(send('close', { connection }))
    },
  }
}

type ProgressLine = Line & { progress: number }
