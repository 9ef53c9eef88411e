// The n8n server: lists and shows the workflows of an n8n instance and what fails; it changes nothing.
import { defineServer } from '../kit/definition.ts'
import { openN8n } from './backend.ts'
import { config } from './config.ts'
import { databaseStatisticsTool } from './tools/n8n-get-database-statistics.ts'
import { getWorkflowTool } from './tools/n8n-get-workflow.ts'
import { listWorkflowsTool } from './tools/n8n-list-workflows.ts'

export const n8n = defineServer({
  name: 'n8n',
  title: 'n8n',
  instructions:
    'Reads workflows and executions of an n8n instance; it cannot change or run any. Use n8n_list_workflows to find an id, n8n_get_database_statistics to see what fails.',
  config,
  missing: (settings) => {
    const unset = (['N8N_API_URL', 'N8N_API_KEY'] as const).filter((name) => settings[name] === undefined)
    return unset.length === 0 ? undefined : `set ${unset.join(' and ')}`
  },
  open: openN8n,
  tools: (backend) => [listWorkflowsTool(backend), getWorkflowTool(backend), databaseStatisticsTool(backend)],
})
