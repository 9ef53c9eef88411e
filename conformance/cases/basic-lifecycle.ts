// The handshake of 2024-11-05 to 2025-11-25: initialize, negotiation of the revision, initialized.
import type { Case } from '../case.ts'
import { type Context, initializeParams } from '../client/context.ts'
import { check, checkEqual, fail, isObject, type JsonObject } from '../expect.ts'
import { isRevision, MODERN } from '../revisions.ts'
import { ask, LIST, received } from '../steps.ts'

const base = { level: 'MUST', until: '2025-11-25' } as const
const RESPOND = 'The server MUST respond with its own capabilities and information.'

async function initialize(t: Context, params: JsonObject = {}): Promise<JsonObject> {
  return t.initialize(await t.begin(), params)
}

function resultCase(slug: string, quote: string, inspect: (result: JsonObject) => void): Case {
  return {
    ...base,
    id: `basic/lifecycle/initialization/${slug}`,
    quote,
    run: async (t) => inspect(await initialize(t)),
  }
}

/** What the server offers to a client whose revision it does not know. */
async function offered(t: Context, requested: string): Promise<string | undefined> {
  const session = await t.begin()
  const reply = await session.request('initialize', initializeParams(requested))
  if (isObject(reply.message?.error)) {
    // The text also shows an error -32602 that names the supported revisions.
    checkEqual(reply.message.error.code, -32602, 'another revision, or the error code')
    return undefined
  }
  const version = isObject(reply.message?.result) ? reply.message.result.protocolVersion : undefined
  check(typeof version === 'string', 'a protocolVersion', reply.message ?? `HTTP ${reply.status} without a response`)
  return version
}

export const cases: Case[] = [
  resultCase('has-protocol-version', RESPOND, (result) =>
    check(typeof result.protocolVersion === 'string' && result.protocolVersion !== '', 'protocolVersion, a string', result),
  ),
  resultCase('has-capabilities', RESPOND, (result) => check(isObject(result.capabilities), 'capabilities, an object', result)),
  resultCase('has-server-info', RESPOND, (result) => {
    const info = result.serverInfo
    check(
      isObject(info) && typeof info.name === 'string' && typeof info.version === 'string',
      'serverInfo with name and version',
      result,
    )
  }),
  resultCase('instructions-are-text', 'instructions?: string', (result) =>
    check(
      result.instructions === undefined || typeof result.instructions === 'string',
      'instructions, a string or absent',
      result,
    ),
  ),
  {
    ...base,
    id: 'basic/lifecycle/version-negotiation/supported-version-is-echoed',
    quote: 'If the server supports the requested protocol version, it MUST respond with the same version.',
    run: async (t) => checkEqual((await initialize(t)).protocolVersion, t.revision, 'protocolVersion'),
  },
  {
    ...base,
    id: 'basic/lifecycle/version-negotiation/offered-version-is-supported',
    once: true,
    quote:
      'Otherwise, the server MUST respond with another protocol version it supports: asked for that one, it responds with the same.',
    async run(t) {
      const version = await offered(t, '1999-01-01')
      if (version === undefined) return t.skip('it answers an unknown version with an error')
      check(version !== '1999-01-01', 'another version than the unknown one', version)
      checkEqual((await initialize(t, { protocolVersion: version })).protocolVersion, version, 'protocolVersion')
    },
  },
  ...Object.entries({ later: '2099-12-31', nonsense: 'latest' }).map(
    ([slug, unknown]): Case => ({
      ...base,
      id: `basic/lifecycle/version-negotiation/${slug}-version-is-not-echoed`,
      once: true,
      quote: 'Otherwise, the server MUST respond with another protocol version it supports.',
      async run(t) {
        const version = await offered(t, unknown)
        check(version !== unknown, 'another version than the unknown one', version)
      },
    }),
  ),
  {
    ...base,
    id: 'basic/lifecycle/version-negotiation/offers-its-latest',
    level: 'SHOULD',
    once: true,
    quote: 'This SHOULD be the latest version supported by the server.',
    async run(t) {
      const version = await offered(t, '2099-12-31')
      if (version === undefined) return t.skip('it answers an unknown version with an error')
      const latest = t.facts.revisions.filter((revision) => revision !== MODERN).at(-1)
      if (latest === undefined || !isRevision(version)) return t.skip(`its versions are not known here (${version})`)
      checkEqual(version, latest, 'the latest version it accepts,')
    },
  },
  {
    ...base,
    id: 'basic/lifecycle/version-negotiation/each-session-negotiates',
    once: true,
    quote:
      'If the server supports the requested protocol version, it MUST respond with the same version, whatever other clients negotiated.',
    async run(t) {
      const versions = t.facts.revisions.filter((revision) => revision !== MODERN)
      if (versions.length < 2) return t.skip('the server accepts one revision only')
      const results = await Promise.all(versions.map((protocolVersion) => initialize(t, { protocolVersion })))
      checkEqual(
        results.map((result) => result.protocolVersion),
        versions,
        'each its own protocolVersion:',
      )
    },
  },
  {
    ...base,
    id: 'basic/lifecycle/capability-negotiation/unknown-client-capabilities',
    quote:
      'Known capabilities are defined in schema.ts, but this is not a closed set: any client can define its own, additional capabilities.',
    run: (t) =>
      initialize(t, {
        capabilities: {
          experimental: { 'com.example/x': {} },
          roots: { listChanged: true },
          sampling: {},
          conformanceUnknown: { a: 1 },
        },
      }),
  },
  {
    ...base,
    id: 'basic/lifecycle/initialization/unknown-client-info-members',
    level: 'SHOULD',
    quote: 'clientInfo is an Implementation; members of later revisions (title, icons, websiteUrl) do not make it invalid.',
    run: (t) =>
      initialize(t, {
        clientInfo: {
          name: 'c',
          version: '1',
          title: 'C',
          websiteUrl: 'https://example.com',
          icons: [{ src: 'https://example.com/i.png' }],
        },
      }),
  },
  {
    ...base,
    id: 'basic/lifecycle/initialization/operates-after-initialized',
    quote:
      'After successful initialization, the client MUST send an initialized notification to indicate it is ready to begin normal operations.',
    run: (t) => ask(t, LIST, {}),
  },
  {
    ...base,
    id: 'basic/lifecycle/initialization/ping-before-initialized',
    quote: 'Only pings are allowed between initialize and initialized, and the receiver of a ping MUST respond promptly.',
    async run(t) {
      const session = await t.begin()
      await t.initialize(session)
      await session.result('ping')
    },
  },
  {
    ...base,
    id: 'basic/lifecycle/initialization/no-requests-before-initialized',
    level: 'SHOULD',
    quote: 'The server SHOULD NOT send requests other than pings and logging before receiving the initialized notification.',
    async run(t) {
      const session = await t.begin()
      await t.initialize(session)
      const reply = await session.request('ping')
      const early = (await received(t, session, reply)).find(
        (message) => isObject(message) && message.id !== undefined && message.method !== undefined && message.method !== 'ping',
      )
      if (early !== undefined) fail('no request of the server before initialized', early)
    },
  },
  {
    ...base,
    id: 'basic/lifecycle/initialization/protocol-version-is-required',
    level: 'SHOULD',
    quote:
      'The client MUST initiate this phase by sending an initialize request containing: protocol version supported. Without it: -32602.',
    async run(t) {
      const session = await t.begin()
      const message = session.build('initialize', { capabilities: {}, clientInfo: { name: 'c', version: '1' } }, 'i')
      const { status, message: answer } = await session.send(message, { id: 'i' })
      check(isObject(answer?.error) || status >= 400, 'an error', answer ?? `HTTP ${status}`)
    },
  },
]
