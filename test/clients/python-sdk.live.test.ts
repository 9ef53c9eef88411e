// The official Python SDK, which LiteLLM and Open WebUI are built on. It tries `server/discover` first and falls back to `initialize`.
import { testClient } from './behaviours.ts'
import { connectPython, skipPython } from './python.ts'

for (const mode of ['auto', 'legacy'] as const) {
  testClient({
    label: `SSE, mode ${mode}`,
    protocolVersion: '2025-11-25',
    reconnects: false,
    skip: skipPython,
    connect: (target) => connectPython(target, { transport: 'sse', mode }),
  })
}
