// Deviations in tools/list and tools/call.
import { type Mutant, NEW, refusing, result, sending } from '../mutant.ts'
import type { Message } from '../reference-rpc.ts'

const at = (slug: string): string => `server/tools/${slug}`
const PAGES = 'server/utilities/pagination'

/** Changes the second tool of the first page, which no case calls. */
function tool(
  name: string,
  kills: string[],
  change: (tool: Message) => void,
  options: Parameters<typeof result>[4] = {},
): Mutant {
  return result(
    name,
    kills,
    'tools/list',
    (r) => {
      const [, second] = r.tools
      if (second !== undefined) change(second)
    },
    options,
  )
}

export const mutants: Mutant[] = [
  result('tools are not declared', [at('capabilities/tools-is-declared')], 'initialize', (r) => void delete r.capabilities.tools),
  result(
    'tools are not declared in discover',
    [at('capabilities/tools-is-declared')],
    'server/discover',
    (r) => void delete r.capabilities.tools,
    NEW,
  ),
  tool('a tool without a name', [at('tool/has-a-name')], (t) => void (t.name = '')),
  tool(
    'an inputSchema without a type',
    [at('tool/input-schema-is-an-object-schema'), at('listing-tools/result-shape')],
    (t) => void (t.inputSchema = {}),
  ),
  tool(
    'an inputSchema that is null',
    [at('tool/input-schema-is-an-object-schema'), at('tool/input-schema-is-valid')],
    (t) => void (t.inputSchema = null),
  ),
  tool(
    'an inputSchema that is none',
    [at('tool/input-schema-is-valid')],
    (t) => void (t.inputSchema = { type: 'object', properties: { a: { type: 'text' } } }),
  ),
  tool(
    'an outputSchema that is none',
    [at('tool/output-schema-is-valid')],
    (t) => void (t.outputSchema = { type: 'object', required: 'a' }),
  ),
  tool(
    'an outputSchema of a list',
    [at('tool/output-schema-is-an-object-schema')],
    (t) => void (t.outputSchema = { type: 'array' }),
  ),
  tool(
    'a description that is null',
    [at('tool/description-is-text'), at('listing-tools/result-shape')],
    (t) => void (t.description = null),
  ),
  tool('hints that are text', [at('tool/annotations-are-hints')], (t) => void (t.annotations = { openWorldHint: 'no' })),
  tool('a name with spaces', [at('tool-names/characters')], (t) => void (t.name = 'wait a bit')),
  tool('a name of 129 characters', [at('tool-names/length')], (t) => void (t.name = 'w'.repeat(129))),
  tool(
    'a name twice',
    [at('tool-names/unique'), `${PAGES}/pagination-model/pages-do-not-overlap`],
    (t) => void (t.name = 'echo'),
  ),
  result(
    'a result without content',
    [at('calling-tools/result-has-content'), at('calling-tools/result-shape')],
    'tools/call',
    (r) => void delete r.content,
  ),
  result(
    'content of an unknown type',
    [at('calling-tools/result-shape')],
    'tools/call',
    (r) => void r.content.push({ type: 'video', data: 'AAAA' }),
  ),
  result(
    'content that is no Base64',
    [at('calling-tools/result-shape')],
    'tools/call',
    (r) => void r.content.push({ type: 'image', data: '%%%', mimeType: 'image/png' }),
  ),
  result(
    'an image without its type',
    [at('calling-tools/result-shape')],
    'tools/call',
    (r) => void r.content.push({ type: 'image', data: 'AAAA' }),
  ),
  result(
    'content of a later revision',
    [at('calling-tools/result-shape')],
    'tools/call',
    (r) => void r.content.push({ type: 'audio', data: 'AAAA', mimeType: 'audio/wav' }),
    { revision: '2024-11-05' },
  ),
  refusing(
    'arguments are required',
    [at('calling-tools/arguments-may-be-absent')],
    ({ method, params }) => method === 'tools/call' && !params?.arguments,
  ),
  sending(
    'every tool exists',
    ['unknown-tool-never-succeeds', 'unknown-tool-is-a-protocol-error'].map((slug) => at(`error-handling/${slug}`)),
    ({ error, ...message }, { request }) =>
      request?.params?.name === 'conformance_no_such_tool'
        ? { ...message, result: { content: [] } }
        : { ...message, ...(error === undefined ? {} : { error }) },
  ),
  sending('unknown tools get another code', [at('error-handling/unknown-tool-code')], (message, { request }) =>
    request?.params?.name === 'conformance_no_such_tool' ? { ...message, error: { code: -32601, message: 'x' } } : message,
  ),
  result(
    'arguments are not validated',
    [
      'security-considerations/invalid-arguments-do-not-succeed',
      'security-considerations/missing-arguments-do-not-succeed',
      'error-handling/invalid-arguments-are-a-tool-error',
    ].map(at),
    'tools/call',
    (r) => void delete r.isError,
  ),
  sending(
    'invalid arguments are a protocol error',
    [at('error-handling/invalid-arguments-are-a-tool-error')],
    ({ result: r, ...message }) =>
      r?.isError === true
        ? { ...message, error: { code: -32602, message: 'x' } }
        : { ...message, ...(r === undefined ? {} : { result: r }) },
  ),
  result(
    'structured content of another shape',
    [at('output-schema/structured-content-conforms'), at('structured-content/also-as-text')],
    'tools/call',
    (r) => void (r.structuredContent = { text: 5 }),
  ),
  result(
    'no structured content',
    [at('output-schema/structured-content-conforms')],
    'tools/call',
    (r) => void delete r.structuredContent,
  ),
  {
    name: 'the list depends on what was called',
    kills: [at('capabilities/same-list-on-every-connection')],
    ...NEW,
    deviation: () => {
      let isShort = false
      return {
        outgoing: (message, { request }) => {
          if (request?.params?.name === 'conformance_no_such_tool') isShort = true
          if (request?.method !== 'tools/list' || message.result === undefined || !isShort) return message
          return { ...message, result: { ...message.result, tools: message.result.tools.slice(0, 1) } }
        },
      }
    },
  },
  {
    name: 'the order changes',
    kills: [at('capabilities/deterministic-order')],
    ...NEW,
    deviation: () => {
      let lists = 0
      return {
        outgoing: (message, { request }) => {
          if (request?.method !== 'tools/list' || message.result === undefined || request.params?.cursor !== undefined)
            return message
          lists += 1
          return lists % 2 === 0
            ? message
            : { ...message, result: { ...message.result, tools: [...message.result.tools].reverse() } }
        },
      }
    },
  },
  result('the list never ends', [`${PAGES}/pagination-model/the-list-ends`], 'tools/list', (r) => void (r.nextCursor = 'page-0')),
  result(
    'the last cursor is null',
    [`${PAGES}/response-format/next-cursor-is-a-string`, at('listing-tools/result-shape')],
    'tools/list',
    (r) => void (r.nextCursor = null),
  ),
  sending('any cursor will do', [`${PAGES}/error-handling/invalid-cursor`], ({ error, ...message }, { request }) =>
    request?.params?.cursor === 'conformance-no-such-cursor'
      ? { ...message, result: { tools: [] } }
      : { ...message, ...(error === undefined ? {} : { error }) },
  ),
]
