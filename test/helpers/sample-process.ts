// A process that serves one or two small servers through servers/host, for its tests: `sample-process.ts [NAME …]`.
import { defineTool, ToolError } from '../../protocol/index.ts'
import { serve } from '../../servers/host/serve.ts'
import { type AnyServer, type Backend, defineServer } from '../../servers/kit/definition.ts'
import { report } from '../../servers/kit/report.ts'

/** @param prefix of the tools' names: no two servers of a process may have a tool of one name */
const sample = (name: string, prefix: string) =>
  defineServer({
    name,
    title: 'Sample',
    instructions: 'For tests.',
    config: {
      type: 'object',
      properties: {
        SAMPLE_URL: { type: 'string', description: 'Where the backend is.', 'x-aliases': ['SAMPLE_ADDRESS'] },
        SAMPLE_KEY: { type: 'string', minLength: 4, 'x-secret': true, description: 'Its key.' },
        SAMPLE_SIZE: { type: 'integer', default: 3, minimum: 1, maximum: 9, description: 'A number.' },
      },
    },
    missing: (config) => (config.SAMPLE_URL === undefined ? 'set SAMPLE_URL' : undefined),
    open: ({ SAMPLE_URL = '' }) => {
      if (SAMPLE_URL === 'contradiction') throw new Error('SAMPLE_URL contradicts itself')
      const backend: Backend = {
        upstream: SAMPLE_URL,
        probe: async () => {
          if (SAMPLE_URL === 'down') throw new ToolError('UPSTREAM_UNREACHABLE', 'nobody answers')
          return { version: '9' }
        },
        close: async () => {},
      }
      return backend
    },
    tools: (_backend, { readOnly }) => [
      defineTool({
        name: `${prefix}look`,
        description: 'Reads.',
        inputSchema: {
          type: 'object',
          properties: { text: { type: 'string' }, password: { type: 'string', writeOnly: true } },
          additionalProperties: false,
        },
        annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
        handler: ({ text = '' }, context) =>
          report(context, { summary: `looked, ${readOnly}`, untrusted: text, rows: 1, truncated: text === 'cut' }),
      }),
      defineTool({
        name: `${prefix}change`,
        description: 'Writes.',
        inputSchema: { type: 'object' },
        annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
        handler: () => 'changed',
      }),
      defineTool({
        name: `${prefix}wait`,
        description: 'Waits until it is aborted.',
        inputSchema: { type: 'object' },
        annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
        handler: (_args, { signal }) =>
          new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      }),
      defineTool({
        name: `${prefix}crash`,
        description: 'Throws outside of any call.',
        inputSchema: { type: 'object' },
        handler: () => {
          setImmediate(() => {
            throw new Error('outside')
          })
          return 'soon'
        },
      }),
    ],
  })

const names = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const definitions: AnyServer[] =
  names.length === 0
    ? [sample('sample', '')]
    : names.map((name) => sample(name, process.argv.includes('--same-tools') ? '' : `${name}_`))
void serve(definitions, { env: process.env })
