// A server process for tests: serves the servers named on the command line, as `octet serve` does.

import { serve } from '../../../host/serve.ts'
import type { AnyServer } from '../../definition.ts'

const servers: Record<string, () => Promise<AnyServer>> = {
  postgres: async () => (await import('../../../postgres/index.ts')).postgres,
  timescaledb: async () => (await import('../../../timescaledb/index.ts')).timescaledb,
}

const names = process.argv.slice(2)
const definitions = await Promise.all(names.map((name) => (servers[name] as () => Promise<AnyServer>)()))
await serve(definitions, { env: process.env, ...(process.env.TEST_COMMAND === 'start' ? { command: true } : {}) })
