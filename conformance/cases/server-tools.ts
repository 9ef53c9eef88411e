// tools/list and tools/call. Only tools that are marked read-only, or that the user named, are ever called. Over 400 lines: the page
// server/tools, case by case.
import { isDeepStrictEqual } from 'node:util'
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import type { Reply } from '../client/session.ts'
import { HttpSession } from '../client/session-http.ts'
import { check, checkEqual, fail, isObject, type JsonObject, parse } from '../expect.ts'
import { ask, call, callTool, checkError, checkServed, LIST, succeeded, UNKNOWN_TOOL } from '../steps.ts'
import { conformanceProblem, edgeArguments, invalidArguments, parameterHeaders, schemaProblem } from '../tool-schema.ts'

const NAMES = '2025-11-25' as const
const needs = ['tools'] as const

async function listed(t: Context): Promise<JsonObject[]> {
  const tools = await (await t.connect()).tools()
  if (tools.length === 0) return t.skip('the list is empty')
  return tools
}

function toolCase(
  id: string,
  level: 'MUST' | 'SHOULD',
  quote: string,
  inspect: (tool: JsonObject) => boolean,
  expected: string,
  extra: Partial<Case> = {},
): Case {
  return {
    id,
    level,
    quote,
    needs,
    ...extra,
    async run(t) {
      for (const tool of await listed(t)) check(inspect(tool), expected, tool)
    },
  }
}

function checkSchemas(tools: readonly JsonObject[], member: 'inputSchema' | 'outputSchema'): void {
  for (const tool of tools) {
    const problem = schemaProblem(tool[member])
    if (problem !== undefined) fail(`an ${member} that is valid in its dialect (${problem})`, tool)
  }
}

/** A call of a tool that does not exist. */
async function callUnknown(t: Context): Promise<Reply> {
  return (await t.connect()).request('tools/call', { name: UNKNOWN_TOOL, arguments: {} })
}

/** Calls every tool that may be called with arguments its schema forbids; `inspect` sees each answer. */
async function callWithInvalid(t: Context, kind: 'missing' | 'wrong', inspect: (reply: Reply) => void): Promise<void> {
  let calls = 0
  const session = await t.connect()
  for (const tool of t.facts.callables) {
    for (const args of invalidArguments(tool.tool.inputSchema, tool.args)[kind]) {
      inspect(await call(t, session, { tool, args }))
      calls += 1
    }
  }
  if (calls === 0) t.skip('no schema forbids anything of the kind')
}

function checkFails(reply: Reply): void {
  check(reply.message !== undefined, 'a response', `HTTP ${reply.status} without one`)
  if (succeeded(reply)) fail('an error for arguments that the inputSchema forbids', reply.message)
}

const PART_BYTES = 1021
/** Pairs of texts of one length: ASCII only, and not. */
const ECHOED_TEXTS: readonly [string, string][] = [
  ['a b c', 'é 世 ñ'],
  ['a "b" c', '\u2028 "😀" ü'],
  ['abcde'.repeat(6_000), '世界😀é'.repeat(6_000)],
]

/** The text is somewhere in the value: as it is, in JSON within a text, or with some of its characters as escapes. */
function holds(value: unknown, text: string): boolean {
  const decoded = (json: string): string =>
    json.replace(/(?<!\\)\\+u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
  const written = decoded(JSON.stringify(value) ?? '')
  const inner = JSON.stringify(text).slice(1, -1)
  return [inner, JSON.stringify(inner).slice(1, -1)].some((wanted) => written.includes(wanted))
}

const nameOf = (tool: JsonObject): string => String(tool.name)
const annotationsOf = (tool: JsonObject): JsonObject => (isObject(tool.annotations) ? tool.annotations : {})

export const cases: Case[] = [
  {
    id: 'server/tools/capabilities/tools-is-declared',
    level: 'MUST',
    quote: 'Servers that support tools MUST declare the tools capability.',
    async run(t) {
      const session = await t.connect()
      const initial = t.isModern ? await session.result('server/discover') : session.initializeResult
      const reply = await session.request('tools/list', {})
      if (isObject(reply.message?.error)) return t.skip('the server supports no tools')
      const capabilities = isObject(initial?.capabilities) ? initial.capabilities : {}
      check(isObject(capabilities.tools), 'capabilities.tools', capabilities)
    },
  },
  {
    id: 'server/tools/capabilities/declared-tools-are-listed',
    level: 'MUST',
    quote: 'Servers that declare the tools capability respond to tools/list with the tools that are available.',
    async run(t) {
      if (t.facts.capabilities.tools === undefined) return t.skip('the server does not declare tools')
      const result = await ask(t, LIST, {})
      check(Array.isArray(result.tools), 'tools, a list', result)
    },
  },
  toolCase(
    'server/tools/tool/has-a-name',
    'MUST',
    'name: unique identifier for the tool',
    (tool) => typeof tool.name === 'string' && tool.name !== '',
    'a tool with a name',
  ),
  toolCase(
    'server/tools/tool/input-schema-is-an-object-schema',
    'MUST',
    'inputSchema: { type: "object", … }, a valid JSON Schema object, not null. (The TypeScript SDK rejects the whole list otherwise.)',
    (tool) => isObject(tool.inputSchema) && tool.inputSchema.type === 'object',
    'a tool whose inputSchema has type "object"',
  ),
  {
    id: 'server/tools/tool/input-schema-is-valid',
    level: 'MUST',
    since: NAMES,
    needs,
    quote:
      'inputSchema MUST be a valid JSON Schema object; schemas MUST be valid according to their declared or default dialect (2020-12).',
    run: async (t) => checkSchemas(await listed(t), 'inputSchema'),
  },
  {
    id: 'server/tools/tool/output-schema-is-valid',
    level: 'MUST',
    since: NAMES,
    needs,
    quote: 'Schemas MUST be valid according to their declared or default dialect (2020-12).',
    async run(t) {
      const tools = (await listed(t)).filter((tool) => tool.outputSchema !== undefined)
      if (tools.length === 0) return t.skip('no tool has an outputSchema')
      checkSchemas(tools, 'outputSchema')
    },
  },
  toolCase(
    'server/tools/tool/output-schema-is-an-object-schema',
    'MUST',
    'outputSchema?: { type: "object", … }',
    (tool) => tool.outputSchema === undefined || (isObject(tool.outputSchema) && tool.outputSchema.type === 'object'),
    'a tool whose outputSchema, if any, has type "object"',
    { since: '2025-06-18', until: '2025-11-25' },
  ),
  toolCase(
    'server/tools/tool/description-is-text',
    'MUST',
    'description?: string',
    (tool) => tool.description === undefined || typeof tool.description === 'string',
    'a tool whose description, if any, is a string',
  ),
  toolCase(
    'server/tools/tool/annotations-are-hints',
    'MUST',
    'annotations?: { title?: string, readOnlyHint?, destructiveHint?, idempotentHint?, openWorldHint?: boolean }',
    (tool) =>
      Object.entries(annotationsOf(tool)).every(([name, value]) => !name.endsWith('Hint') || typeof value === 'boolean') &&
      (annotationsOf(tool).title === undefined || typeof annotationsOf(tool).title === 'string'),
    'a tool whose annotations have the types of schema.ts',
    { since: '2025-03-26' },
  ),
  {
    id: 'server/tools/tool-names/unique',
    level: 'SHOULD',
    needs,
    quote: 'Tool names SHOULD be unique within a server. (Each tool is uniquely identified by a name.)',
    async run(t) {
      const names = (await listed(t)).map(nameOf)
      const twice = names.find((name, index) => names.indexOf(name) !== index)
      if (twice !== undefined) fail('each name once', twice)
    },
  },
  toolCase(
    'server/tools/tool-names/length',
    'SHOULD',
    'Tool names SHOULD be between 1 and 128 characters in length (inclusive).',
    (tool) => nameOf(tool).length >= 1 && nameOf(tool).length <= 128,
    'a tool whose name has 1 to 128 characters',
    { since: NAMES },
  ),
  toolCase(
    'server/tools/tool-names/characters',
    'SHOULD',
    'Only A-Z, a-z, 0-9, underscore, hyphen and dot SHOULD be in tool names.',
    (tool) => /^[A-Za-z0-9_.-]*$/.test(nameOf(tool)),
    'a tool whose name has only these characters',
    { since: NAMES },
  ),
  {
    id: 'server/tools/tool-names/case-sensitive',
    level: 'SHOULD',
    since: NAMES,
    needs: ['tool'],
    quote: 'Tool names SHOULD be considered case-sensitive.',
    async run(t) {
      const name = t.facts.callable?.name ?? ''
      const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase()
      if (other === name || t.facts.tools.some((tool) => tool.name === other)) return t.skip('no name that differs in case only')
      const reply = await (await t.connect()).request('tools/call', { name: other, arguments: t.facts.callable?.args ?? {} })
      check(!succeeded(reply), `${other} to be unknown`, reply.message ?? `HTTP ${reply.status}`)
    },
  },
  {
    id: 'server/tools/calling-tools/result-has-content',
    level: 'MUST',
    needs: ['tool'],
    quote: 'CallToolResult has content: ContentBlock[] (without it the Python SDK rejects the result).',
    async run(t) {
      const result = checkServed(await callTool(t), 'a result with content, a list')
      check(Array.isArray(result.content), 'a result with content, a list', result)
    },
  },
  {
    id: 'server/tools/calling-tools/arguments-may-be-absent',
    level: 'MUST',
    last: true,
    needs: ['tool'],
    quote: 'arguments?: { [key: string]: unknown } (the TypeScript SDK omits it when there are none)',
    async run(t) {
      const callable = t.facts.callable
      if (callable === undefined || Object.keys(callable.args).length > 0) return t.skip('the tool needs arguments')
      const result = checkServed(await (await t.connect()).request('tools/call', { name: callable.name }))
      check(result.isError !== true || callable.isError, 'the same outcome as with {}', result)
    },
  },
  {
    id: 'server/tools/calling-tools/arguments-arrive-unchanged',
    once: true,
    level: 'MUST',
    needs: ['echo-tool'],
    quote:
      'JSON-RPC messages MUST be UTF-8 encoded: what a tool gives back of its arguments has the same characters, however it is sent.',
    async run(t) {
      const echo = t.facts.echo ?? t.skip('no tool gives its arguments back')
      const session = await t.connect()
      const { name, args, tool } = echo.callable
      for (const [plain, text] of ECHOED_TEXTS) {
        const reply = async (value: string): Promise<boolean> => {
          const message = session.build('tools/call', { name, arguments: { ...args, [echo.property]: value } }, session.newId())
          const headers = session instanceof HttpSession ? { ...session.headers(message), ...parameterHeaders(tool, args) } : {}
          const bytes = Buffer.from(JSON.stringify(message))
          const parts = Array.from({ length: Math.ceil(bytes.length / PART_BYTES) }, (_, index) =>
            bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES),
          )
          const answer = await session.send(parts, { id: message.id ?? null }, { headers })
          return holds(answer.message?.result, value)
        }
        // A tool may shorten or rewrite its arguments: only characters beyond ASCII may not make the difference.
        if (await reply(plain)) check(await reply(text), `the ${text.length} characters that were sent`, 'others')
      }
    },
  },
  {
    id: 'server/tools/error-handling/unknown-tool-is-a-protocol-error',
    level: 'SHOULD',
    needs,
    quote: 'Protocol Errors: standard JSON-RPC errors for issues like unknown tools (not a result with isError).',
    run: async (t) => checkError(await callUnknown(t)),
  },
  {
    id: 'server/tools/error-handling/unknown-tool-code',
    level: 'SHOULD',
    needs,
    quote: 'Example protocol error: code -32602, "Unknown tool: invalid_tool_name".',
    async run(t) {
      const reply = await callUnknown(t)
      if (!isObject(reply.message?.error)) return t.skip('it answers without an error object')
      checkError(reply, -32602)
    },
  },
  {
    id: 'server/tools/error-handling/unknown-tool-never-succeeds',
    level: 'MUST',
    needs,
    quote: 'Servers MUST validate all tool inputs: a call of a tool that does not exist does not succeed.',
    async run(t) {
      const reply = await callUnknown(t)
      if (succeeded(reply)) fail('an error', reply.message)
    },
  },
  {
    id: 'server/tools/error-handling/call-without-a-name',
    level: 'SHOULD',
    needs,
    quote: 'Protocol Errors: malformed requests, which fail to satisfy the CallToolRequest schema.',
    run: async (t) => checkError(await (await t.connect()).request('tools/call', { arguments: {} })),
  },
  {
    id: 'server/tools/error-handling/arguments-of-a-wrong-type',
    level: 'SHOULD',
    needs: ['tool'],
    quote: 'Protocol Errors: malformed requests (arguments is an object in the CallToolRequest schema).',
    run: async (t) => checkError(await callTool(t, {}, ['not', 'an', 'object'] as unknown as JsonObject)),
  },
  {
    id: 'server/tools/security-considerations/invalid-arguments-do-not-succeed',
    level: 'MUST',
    needs: ['tool'],
    quote: 'Servers MUST validate all tool inputs.',
    run: (t) => callWithInvalid(t, 'wrong', checkFails),
  },
  {
    id: 'server/tools/security-considerations/missing-arguments-do-not-succeed',
    level: 'MUST',
    needs: ['tool'],
    quote: 'Servers MUST validate all tool inputs: a call without a required argument does not succeed.',
    run: (t) => callWithInvalid(t, 'missing', checkFails),
  },
  {
    id: 'server/tools/error-handling/invalid-arguments-are-a-tool-error',
    level: 'SHOULD',
    since: '2025-11-25',
    needs: ['tool'],
    quote:
      'Tool Execution Errors, reported in results with isError: input validation errors, so that the model can correct itself.',
    run: (t) =>
      callWithInvalid(t, 'wrong', ({ message, status }) => {
        const result = message?.result
        check(isObject(result) && result.isError === true, 'a result with isError', message ?? `HTTP ${status}`)
        check(Array.isArray(result.content) && result.content.length > 0, 'content that says what is wrong', result)
      }),
  },
  {
    id: 'server/tools/output-schema/structured-content-conforms',
    level: 'MUST',
    since: '2025-06-18',
    needs: ['structured-tool'],
    quote: 'If an output schema is provided, servers MUST provide structured results that conform to this schema.',
    run: (t) =>
      structured(t, ({ outputSchema }, result) => {
        check(result.structuredContent !== undefined, 'structuredContent', result)
        const problem = isObject(outputSchema) ? conformanceProblem(outputSchema, result.structuredContent) : undefined
        if (problem !== undefined) fail(`structuredContent that conforms to the outputSchema (${problem})`, result)
      }),
  },
  {
    id: 'server/tools/structured-content/also-as-text',
    level: 'SHOULD',
    since: '2025-06-18',
    needs: ['structured-tool'],
    quote: 'A tool that returns structured content SHOULD also return the serialized JSON in a TextContent block.',
    run: (t) =>
      structured(t, (_, result) => {
        const texts = Array.isArray(result.content) ? result.content.filter(isObject).map((block) => block.text) : []
        const isSame = texts.some((text) => isDeepStrictEqual(parse(text), result.structuredContent))
        check(isSame, 'a text block with the JSON of structuredContent', result)
      }),
  },
  {
    id: 'server/tools/embedded-resources/resources-capability',
    level: 'SHOULD',
    since: '2025-06-18',
    needs: ['tool'],
    quote: 'Servers that use embedded resources SHOULD implement the resources capability.',
    async run(t) {
      const result = (await callTool(t)).message?.result
      const blocks = isObject(result) && Array.isArray(result.content) ? result.content.filter(isObject) : []
      if (!blocks.some((block) => block.type === 'resource')) return t.skip('the tool returns no embedded resource')
      check(t.facts.capabilities.resources !== undefined, 'the resources capability', t.facts.capabilities)
    },
  },
  {
    id: 'server/tools/capabilities/same-list-on-every-connection',
    level: 'MUST',
    since: '2026-07-28',
    needs,
    quote: 'The set of tools MUST NOT vary per-connection or as a side effect of other requests on the connection.',
    async run(t) {
      const names = async (): Promise<string[]> => (await listed(t)).map(nameOf).sort()
      const before = await names()
      if (t.facts.callable !== undefined) await call(t, await t.connect())
      await callUnknown(t)
      checkEqual(await names(), before, 'the same tools')
    },
  },
  {
    id: 'server/tools/capabilities/deterministic-order',
    level: 'SHOULD',
    since: '2026-07-28',
    needs,
    quote: 'Servers SHOULD return tools in a deterministic order.',
    async run(t) {
      const first = (await listed(t)).map(nameOf)
      for (let round = 0; round < 3; round += 1) checkEqual((await listed(t)).map(nameOf), first, 'the same order')
    },
  },
]

/** Calls the tools that have an `outputSchema`, also with 0, false, empty and odd arguments; `inspect` sees each result. */
async function structured(t: Context, inspect: (tool: JsonObject, result: JsonObject) => void): Promise<void> {
  let results = 0
  const session = await t.connect()
  for (const tool of t.facts.callables.filter((item) => isObject(item.tool.outputSchema))) {
    const variants = tool.mayVary ? edgeArguments(tool.tool.inputSchema, tool.args) : []
    for (const args of [tool.args, ...variants]) {
      const reply = await call(t, session, { tool, args })
      if (args === tool.args && !tool.isError) checkServed(reply)
      if (!succeeded(reply)) continue
      inspect(tool.tool, checkServed(reply))
      results += 1
    }
  }
  if (results === 0) t.skip('no call of a tool with an outputSchema succeeded')
}
