// Forwards TCP connections from port 8080 to HOST:PORT: `node forward.cjs mcp-filesystem:8080`.
const { connect, createServer } = require('node:net')

const [host, port] = process.argv[2].split(':')
const server = createServer((from) => {
  const to = connect(Number(port), host)
  from.on('error', () => to.destroy()).on('close', () => to.destroy())
  to.on('error', () => from.destroy()).on('close', () => from.destroy())
  from.pipe(to).pipe(from)
})
server.maxConnections = 512
server.listen(8080)
process.on('SIGTERM', () => process.exit(0))
