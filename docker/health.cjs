// The healthcheck: 0 when /health answers 200. It runs inside the server's memory limit, so it asks with a bare socket: the http module
// would cost half a MiB more.
const { connect } = require('node:net')

const socket = connect(Number(process.env.MCP_PORT || 8080), '127.0.0.1', () => {
  socket.write('GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n')
})
socket.setTimeout(4_000, () => process.exit(1))
socket.on('data', (head) => process.exit(head.latin1Slice(9, 12) === '200' ? 0 : 1))
socket.on('error', () => process.exit(1))
socket.on('close', () => process.exit(1))
