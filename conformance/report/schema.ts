// The JSON report as a JSON Schema (2020-12), for those who read it with a program.

const counts = {
  type: 'object',
  properties: { pass: { type: 'integer' }, fail: { type: 'integer' }, skip: { type: 'integer' } },
  required: ['pass', 'fail', 'skip'],
} as const

const level = { enum: ['MUST', 'SHOULD', 'MAY', 'INTEROP'] } as const
const revision = { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$' } as const
const text = { type: 'string' } as const

export const reportSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Report of mcp-conformance',
  type: 'object',
  properties: {
    target: { type: 'string', description: 'The URL that was tested.' },
    server: {
      type: 'object',
      description: 'As the server names itself in serverInfo.',
      properties: { name: text, version: text },
      required: ['name', 'version'],
    },
    transport: { enum: ['sse', 'http'] },
    revision: { ...revision, description: 'The newest revision that was tested.' },
    revisions: { type: 'array', items: revision, description: 'All of them, oldest first.' },
    startedAt: text,
    ms: { type: 'integer' },
    summary: {
      ...counts,
      properties: {
        ...counts.properties,
        levels: {
          type: 'object',
          properties: { MUST: counts, SHOULD: counts, MAY: counts, INTEROP: counts },
          required: level.enum,
        },
      },
      required: [...counts.required, 'levels'],
    },
    aborted: {
      type: 'string',
      description: 'Why the rest was not run: the server went silent or died, or the run was interrupted.',
    },
    cases: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          id: {
            type: 'string',
            description: '<specification page>/<section>/<slug>; the same id appears once for each revision.',
          },
          level,
          revision,
          status: { enum: ['pass', 'fail', 'skip'] },
          message: { type: 'string', description: 'Why it failed or was skipped; empty when it passed.' },
          quote: { type: 'string', description: 'The requirement.' },
          url: { type: 'string', description: 'Where the specification says it; empty for INTEROP.' },
          ms: { type: 'integer' },
          breaks: { type: 'string', description: 'For INTEROP: the client that breaks.' },
          cause: { type: 'string', description: 'What other failed cases may share: no answer, an HTTP status.' },
          expected: text,
          actual: text,
          exchanges: {
            type: 'array',
            items: { type: 'object', properties: { sent: text, received: text }, required: ['sent', 'received'] },
          },
        },
        required: ['id', 'level', 'revision', 'status', 'message', 'quote', 'url', 'ms'],
        additionalProperties: false,
      },
    },
  },
  required: ['target', 'transport', 'revision', 'revisions', 'startedAt', 'ms', 'summary', 'cases'],
  additionalProperties: false,
} as const
