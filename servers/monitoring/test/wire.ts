// The tools of this server behind a real socket.
import { environmentOf, type ToolClient, withTools } from '../../../test/helpers/tool-client.ts'
import type { Environment } from '../../kit/definition.ts'
import { type MonitoringBackend, openMonitoring } from '../backend.ts'
import type { MonitoringConfig } from '../config.ts'
import { monitoring } from '../index.ts'

export interface Setup {
  config?: Partial<MonitoringConfig>
  environment?: Partial<Environment>
}

export interface Wire extends ToolClient {
  readonly backend: MonitoringBackend
}

export function configOf(config: Partial<MonitoringConfig> = {}): MonitoringConfig {
  return { LOKI_MAX_HOURS: 168, LOKI_MAX_QUERY_BYTES: 10_737_418_240, ...config }
}

export async function withWire(setup: Setup, work: (wire: Wire) => Promise<void>): Promise<void> {
  const environment = environmentOf(setup.environment)
  const backend = openMonitoring(configOf(setup.config), environment)
  try {
    await withTools({ name: 'monitoring', tools: monitoring.tools(backend, environment) }, (client) =>
      work({ ...client, backend }),
    )
  } finally {
    await backend.close()
  }
}
