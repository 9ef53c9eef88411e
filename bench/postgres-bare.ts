// What postgres_query is compared with: the least that answers a tool call over SSE with rows of PostgreSQL. No checks, no limits, no
// transaction: the text goes to node-postgres as it came.
import { randomUUID } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'

interface Message {
  id?: number
  method: string
  params?: { name?: string; arguments?: { query?: string } }
}

const client = new pg.Client({
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  database: 'postgres',
})
void client.connect()
const streams = new Map<string, ServerResponse>()

const server = createServer((req, res) => {
  const url = new URL(req.url ?? '/', 'http://localhost')
  if (req.method === 'GET' && url.pathname === '/sse') {
    const id = randomUUID()
    streams.set(id, res)
    req.on('close', () => streams.delete(id))
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    res.write(`event: endpoint\ndata: /messages?sessionId=${id}\n\n`)
    return
  }
  const stream = streams.get(url.searchParams.get('sessionId') ?? '')
  if (req.method !== 'POST' || stream === undefined) {
    res.writeHead(404).end()
    return
  }
  let body = ''
  req.setEncoding('utf8')
  req.on('data', (chunk: string) => {
    body += chunk
  })
  req.on('end', () => {
    res.writeHead(202).end('Accepted')
    void answer(JSON.parse(body) as Message, stream)
  })
})

async function answer(message: Message, stream: ServerResponse): Promise<void> {
  if (message.id === undefined) return
  const send = (result: unknown): void => {
    stream.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: message.id, result })}\n\n`)
  }
  if (message.method === 'initialize') {
    send({ protocolVersion: '2024-11-05', capabilities: { tools: {} }, serverInfo: { name: 'bare', version: '0' } })
    return
  }
  try {
    const { rows, fields } = await client.query({ text: message.params?.arguments?.query ?? '', rowMode: 'array' })
    const lines = [fields.map(({ name }) => name).join('\t'), ...rows.map((row: unknown[]) => row.map(String).join('\t'))]
    send({ content: [{ type: 'text', text: lines.join('\n') }] })
  } catch (error) {
    send({ content: [{ type: 'text', text: (error as Error).message }], isError: true })
  }
}

server.listen(0, '127.0.0.1', () => {
  process.stderr.write(`${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`)
})
