// mcp-monitoring: searches logs in Loki and reads metrics from Netdata, and changes nothing in either.
import { defineServer } from '../kit/definition.ts'
import { openMonitoring } from './backend.ts'
import { config } from './config.ts'
import { monitoringTools } from './tools.ts'

export const monitoring = defineServer({
  name: 'monitoring',
  title: 'Logs and metrics',
  instructions:
    'Searches logs in Loki and reads system metrics and alerts from Netdata; it changes nothing. Begin with get_system_metrics to see whether a machine is well, and with search_logs to see why not.',
  config,
  missing: ({ LOKI_URL, NETDATA_URL }) =>
    LOKI_URL === undefined && NETDATA_URL === undefined ? 'set LOKI_URL or NETDATA_URL' : undefined,
  open: openMonitoring,
  tools: monitoringTools,
})
