// The monitoring server: searches logs in Loki and reads metrics from Netdata. It changes nothing in either.
import { defineServer } from '../kit/definition.ts'
import { openMonitoring } from './backend.ts'
import { config } from './config.ts'
import { getSystemMetrics } from './tools/get-system-metrics.ts'
import { searchLogs } from './tools/search-logs.ts'

export const monitoring = defineServer({
  name: 'monitoring',
  title: 'Logs and metrics',
  instructions:
    'Searches logs in Loki and reads system metrics and alerts from Netdata; it changes nothing. get_system_metrics shows whether a machine is well, search_logs why not.',
  config,
  missing: ({ LOKI_URL, NETDATA_URL }) =>
    LOKI_URL === undefined && NETDATA_URL === undefined ? 'set LOKI_URL or NETDATA_URL' : undefined,
  open: openMonitoring,
  tools: (backend, environment) => [searchLogs(backend, environment), getSystemMetrics(backend, environment)],
})
