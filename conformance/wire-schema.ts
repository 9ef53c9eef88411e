// The shape of every message a server may send, for each revision, written by hand from the specification's schema.ts and compiled
// with Ajv. Additional members are allowed wherever schema.ts allows them, which is nearly everywhere.
import { Ajv2020, type AnySchema, type ValidateFunction } from 'ajv/dist/2020.js'
import { MODERN, type Revision } from './revisions.ts'

type Schema = Record<string, unknown>

const string = { type: 'string' }
const boolean = { type: 'boolean' }
const anyObject = { type: 'object' }
const meta = { type: 'object' }
// RFC 4648 §4, as the format "byte" of schema.ts says: with padding, without line breaks.
const base64 = { type: 'string', pattern: '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$' }
const logLevel = { enum: ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] }
const progressToken = { type: ['string', 'integer'] }

const object = (properties: Schema, required: string[] = []): Schema => ({ type: 'object', properties, required })
const list = (items: unknown): Schema => ({ type: 'array', items })

const annotations = object({
  audience: list({ enum: ['user', 'assistant'] }),
  priority: { type: 'number', minimum: 0, maximum: 1 },
  lastModified: string,
})
const icon = object({ src: string, mimeType: string, sizes: list(string), theme: { enum: ['light', 'dark'] } }, ['src'])
const implementation = object(
  { name: string, version: string, title: string, icons: list(icon), websiteUrl: string, description: string },
  ['name', 'version'],
)
const listChanged = object({ listChanged: boolean })
const capabilities = object({
  experimental: { type: 'object', additionalProperties: anyObject },
  extensions: { type: 'object', additionalProperties: anyObject },
  logging: anyObject,
  completions: anyObject,
  prompts: listChanged,
  resources: object({ subscribe: boolean, listChanged: boolean }),
  tools: listChanged,
  tasks: anyObject,
})

const contents = {
  anyOf: [
    object({ uri: string, mimeType: string, text: string, _meta: meta }, ['uri', 'text']),
    object({ uri: string, mimeType: string, blob: base64, _meta: meta }, ['uri', 'blob']),
  ],
}
const common = { annotations, _meta: meta }
const blocks: Record<string, Schema> = {
  text: object({ ...common, text: string }, ['text']),
  image: object({ ...common, data: base64, mimeType: string }, ['data', 'mimeType']),
  audio: object({ ...common, data: base64, mimeType: string }, ['data', 'mimeType']),
  resource: object({ ...common, resource: contents }, ['resource']),
  resource_link: object(
    {
      ...common,
      uri: string,
      name: string,
      title: string,
      description: string,
      mimeType: string,
      size: { type: 'number' },
      icons: list(icon),
    },
    ['uri', 'name'],
  ),
}

function typedBlock(type: string): Schema {
  const { properties, required } = blocks[type] as { properties: Schema; required: string[] }
  return object({ ...properties, type: { const: type } }, ['type', ...required])
}

/** The content block types of a revision. */
function blockTypes(revision: Revision): string[] {
  const types = ['text', 'image', 'resource']
  if (revision >= '2025-03-26') types.push('audio')
  if (revision >= '2025-06-18') types.push('resource_link')
  return types
}

function definitions(revision: Revision): Record<string, Schema> {
  const isModern = revision === MODERN
  // One alternative for each type; a discriminator keeps the errors to that of the block's own type.
  const block = {
    type: 'object',
    required: ['type'],
    discriminator: { propertyName: 'type' },
    oneOf: blockTypes(revision).map((type) => typedBlock(type)),
  }
  const envelope: Schema = isModern ? { _meta: meta, resultType: string } : { _meta: meta }
  const required = isModern ? ['resultType'] : []
  const result = (properties: Schema, members: string[] = []): Schema =>
    object({ ...envelope, ...properties }, [...required, ...members])
  const cache = isModern ? { ttlMs: { type: 'integer', minimum: 0 }, cacheScope: { enum: ['public', 'private'] } } : {}
  const cached = isModern ? ['ttlMs', 'cacheScope'] : []
  // An object with `type: "object"`; the modern output schema may be any schema, which may then also be a boolean-free object.
  const inputSchema = object({ type: { const: 'object' }, properties: anyObject, required: list(string), $schema: string }, [
    'type',
  ])
  const tool = object(
    {
      name: string,
      title: string,
      description: string,
      inputSchema,
      outputSchema: isModern ? anyObject : inputSchema,
      annotations: object({
        title: string,
        readOnlyHint: boolean,
        destructiveHint: boolean,
        idempotentHint: boolean,
        openWorldHint: boolean,
      }),
      icons: list(icon),
      execution: object({ taskSupport: { enum: ['forbidden', 'optional', 'required'] } }),
      _meta: meta,
    },
    ['name', 'inputSchema'],
  )
  return {
    initialize: result({ protocolVersion: string, capabilities, serverInfo: implementation, instructions: string }, [
      'protocolVersion',
      'capabilities',
      'serverInfo',
    ]),
    'server/discover': result({ supportedVersions: list(string), capabilities, instructions: string, ...cache }, [
      'supportedVersions',
      'capabilities',
      ...cached,
    ]),
    ping: result({}),
    'tools/list': result({ tools: list(tool), nextCursor: string, ...cache }, ['tools', ...cached]),
    'tools/call': result(
      {
        content: list(block),
        isError: boolean,
        ...(revision >= '2025-06-18' ? { structuredContent: isModern ? {} : anyObject } : {}),
      },
      ['content'],
    ),
    notification: {
      ...object({ jsonrpc: { const: '2.0' }, method: string, params: object({ _meta: meta }) }, ['jsonrpc', 'method']),
      not: { required: ['id'] },
    },
    request: object({ jsonrpc: { const: '2.0' }, id: { type: ['string', 'integer'] }, method: string, params: anyObject }, [
      'jsonrpc',
      'id',
      'method',
    ]),
    'notifications/progress': object(
      { progressToken, progress: { type: 'number' }, total: { type: 'number' }, message: string, _meta: meta },
      ['progressToken', 'progress'],
    ),
    'notifications/message': object({ level: logLevel, logger: string, data: {}, _meta: meta }, ['level', 'data']),
  }
}

const ajv = new Ajv2020({ discriminator: true, strict: false, allErrors: false, validateFormats: false })
const compiled = new Map<string, ValidateFunction>()

/** Why `value` is not what the definition says; `undefined` when it is. Definitions are named after methods, or `notification`, `request`. */
export function violation(revision: Revision, definition: string, value: unknown): string | undefined {
  const key = `${revision} ${definition}`
  let validate = compiled.get(key)
  if (validate === undefined) {
    const schema = definitions(revision)[definition]
    if (schema === undefined) return undefined
    validate = ajv.compile(schema as AnySchema)
    compiled.set(key, validate)
  }
  if (validate(value)) return undefined
  const error = validate.errors?.at(-1)
  return `${error?.instancePath || 'the whole'} ${error?.message ?? 'is not valid'}${describe(error?.params)}`
}

function describe(params: unknown): string {
  const text = params === undefined ? '' : JSON.stringify(params)
  return text === '' || text === '{}' ? '' : ` ${text}`
}
