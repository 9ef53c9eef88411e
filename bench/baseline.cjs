// The leanest correct MCP server on node:http that the benchmarks compare with: HTTP+SSE and POST /mcp, one tool, no validation, no limits.
// Answers are written with known lengths and without intermediate objects; Node's own HTTP handling is what remains.
'use strict'
const http = require('node:http')
const { randomUUID } = require('node:crypto')

const tool = { name: 'echo', inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] } }
const toolsJson = JSON.stringify({ tools: [tool] })
const serverJson = '"capabilities":{"tools":{}},"serverInfo":{"name":"bare","version":"1"}'
const sseHeaders = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache', Connection: 'keep-alive' }
const acceptedHeaders = { 'Content-Length': 8 }
const pathBeforeId = '/messages?sessionId='

/** @type {Map<string, http.ServerResponse>} open event streams by session id */
const sessions = new Map()

function resultOf({ method, params }) {
  switch (method) {
    case 'tools/call':
      return `{"content":[{"type":"text","text":${JSON.stringify(params.arguments.text)}}]}`
    case 'initialize':
      return `{"protocolVersion":"${params.protocolVersion}",${serverJson}}`
    case 'tools/list':
      return toolsJson
    default:
      return '{}'
  }
}

function answer(message) {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${resultOf(message)}}`
}

function openStream(res) {
  const id = randomUUID()
  sessions.set(id, res)
  res.writeHead(200, sseHeaders)
  res.write(`event: endpoint\ndata: ${pathBeforeId}${id}\n\n`)
  res.on('close', () => sessions.delete(id))
}

function handle(url, message, res) {
  const isRequest = message.id !== undefined
  if (url === '/mcp' && isRequest) {
    const json = answer(message)
    res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) }).end(json)
    return
  }
  const stream = url === '/mcp' ? undefined : sessions.get(url.slice(pathBeforeId.length))
  if (url !== '/mcp' && stream === undefined) return void res.writeHead(404).end()
  res.writeHead(202, acceptedHeaders).end('Accepted')
  if (isRequest) stream.write(`event: message\ndata: ${answer(message)}\n\n`)
}

http
  .createServer({ keepAliveTimeout: 65_000 }, (req, res) => {
    if (req.method === 'GET' && req.url === '/sse') return openStream(res)
    if (req.method !== 'POST') return void res.writeHead(405).end()
    let first
    let chunks
    req.on('data', (chunk) => {
      if (first === undefined) first = chunk
      else (chunks ??= [first]).push(chunk)
    })
    req.on('end', () => handle(req.url, JSON.parse(chunks === undefined ? first : Buffer.concat(chunks)), res))
  })
  .listen(Number(process.env.MCP_PORT), '127.0.0.1')
