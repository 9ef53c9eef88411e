// The official Python SDK, which LiteLLM and Open WebUI are built on. It tries `server/discover` first and falls back to `initialize`.
import { testClient } from './behaviours.ts'
import { connectPython, skipPython } from './python.ts'

for (const mode of ['auto', 'legacy'] as const) {
  testClient({
    transport: 'sse',
    mode,
    protocolVersion: '2025-11-25',
    reconnects: false,
    skip: skipPython,
    connect: (target) => connectPython(target, { transport: 'sse', mode }),
  })
}

testClient({
  transport: 'http',
  mode: 'auto',
  protocolVersion: '2026-07-28',
  reconnects: true,
  skip: skipPython,
  connect: (target) => connectPython(target, { transport: 'http', mode: 'auto', logLevel: 'info' }),
})

testClient({
  transport: 'http',
  mode: 'legacy',
  protocolVersion: '2025-11-25',
  reconnects: true,
  skip: skipPython,
  connect: (target) => connectPython(target, { transport: 'http', mode: 'legacy' }),
})
