// Load on one server: sessions that call one after the other, over SSE or /mcp. Measures nothing itself.
import { Agent, get, request } from 'node:http'

const text = 'The quick brown fox jumps over the lazy dog, and the server says it again.'

/** Opens `sessions` SSE sessions and returns a function that makes `calls` calls on each. */
export async function sseLoad(
  port: number,
  sessions: number,
): Promise<{ run: (calls: number) => Promise<void>; close: () => void }> {
  const open = await Promise.all(Array.from({ length: sessions }, () => openSession(port)))
  return {
    run: async (calls) => {
      await Promise.all(open.map((session) => session.calls(calls)))
    },
    close: () => {
      for (const session of open) session.close()
    },
  }
}

export async function mcpLoad(
  port: number,
  sessions: number,
): Promise<{ run: (calls: number) => Promise<void>; close: () => void }> {
  const agents = Array.from({ length: sessions }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  return {
    run: async (calls) => {
      await Promise.all(
        agents.map(async (agent) => {
          for (let id = 0; id < calls; id++) {
            const body = await post(port, '/mcp', agent, callMessage(id))
            if (!body.includes(text)) throw new Error(`unexpected answer: ${body.slice(0, 200)}`)
          }
        }),
      )
    },
    close: () => {
      for (const agent of agents) agent.destroy()
    },
  }
}

function callMessage(id: number): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo', arguments: { text } } })
}

/** The first answered `initialize` over SSE, trying to connect until the server listens. */
export async function firstInitialize(port: number): Promise<void> {
  for (;;) {
    try {
      const session = await openSession(port)
      await session.initialize()
      return session.close()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

async function openSession(port: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let buffer = ''
  let wake: ((event: string) => void) | undefined
  const events: string[] = []
  const stream = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    get({ port, host: '127.0.0.1', path: '/sse', agent: false }, resolve).on('error', reject)
  })
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    buffer += chunk
    for (let end = buffer.indexOf('\n\n'); end !== -1; end = buffer.indexOf('\n\n')) {
      const event = buffer.slice(0, end)
      buffer = buffer.slice(end + 2)
      if (event.startsWith(':')) continue
      if (wake === undefined) events.push(event)
      else {
        wake(event)
        wake = undefined
      }
    }
  })
  const next = (): Promise<string> | string => events.shift() ?? new Promise<string>((resolve) => (wake = resolve))
  const path = /data: (.*)/.exec(await next())?.[1] ?? ''
  return {
    async initialize() {
      const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } }
      await post(port, path, agent, JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }))
      await next()
    },
    async calls(count: number) {
      for (let id = 1; id <= count; id++) {
        const event = next()
        const [, text_] = await Promise.all([post(port, path, agent, callMessage(id)), event])
        if (!text_.includes(text)) throw new Error(`unexpected event: ${text_.slice(0, 200)}`)
      }
    },
    close() {
      agent.destroy()
      stream.destroy()
    },
  }
}

function post(port: number, path: string, agent: Agent, body: string): Promise<string> {
  const headers = {
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    'Content-Length': Buffer.byteLength(body),
  }
  return new Promise((resolve, reject) => {
    const req = request({ port, host: '127.0.0.1', path, method: 'POST', agent, headers }, (res) => {
      let out = ''
      res.setEncoding('utf8')
      res.on('data', (chunk) => (out += chunk))
      res.on('end', () => resolve(out))
      res.on('error', reject)
    })
    req.on('error', reject)
    req.end(body)
  })
}
