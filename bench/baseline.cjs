// The bare node:http server that everything is compared with: the same two transports, no checks, one echo.
'use strict'
const http = require('node:http')
const sessions = new Map()
let next = 0

function answer({ id, method, params }) {
  if (method === 'initialize') {
    return {
      jsonrpc: '2.0',
      id,
      result: {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'bare', version: '1' },
      },
    }
  }
  return { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: params.arguments.text }] } }
}

http
  .createServer({ keepAliveTimeout: 65_000 }, (req, res) => {
    const url = new URL(req.url, 'http://localhost')
    if (req.method === 'GET') {
      const id = String(next++)
      res.writeHead(200, { 'Content-Type': 'text/event-stream' })
      res.write(`event: endpoint\ndata: /messages?sessionId=${id}\n\n`)
      sessions.set(id, res)
      res.on('close', () => sessions.delete(id))
      return
    }
    const chunks = []
    req.on('data', (chunk) => chunks.push(chunk))
    req.on('end', () => {
      const message = JSON.parse(Buffer.concat(chunks).toString())
      if (url.pathname === '/mcp') {
        res.writeHead(200, { 'Content-Type': 'application/json' })
        res.end(JSON.stringify(answer(message)))
        return
      }
      res.writeHead(202)
      res.end('Accepted')
      sessions.get(url.searchParams.get('sessionId')).write(`event: message\ndata: ${JSON.stringify(answer(message))}\n\n`)
    })
  })
  .listen(Number(process.env.MCP_PORT), '127.0.0.1')
