// The handshake of 2024-11-05 to 2025-11-25: initialize, negotiation of the revision, initialized.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import { SseSession } from '../client/session-sse.ts'
import { check, checkEqual, fail, isObject, type JsonObject } from '../expect.ts'
import { isRevision, MODERN } from '../revisions.ts'

const until = '2025-11-25' as const
const RESPOND = 'The server MUST respond with its own capabilities and information.'

async function initialized(t: Context, params: JsonObject = {}): Promise<JsonObject> {
  return t.initialize(await t.begin(), params)
}

function resultCase(slug: string, quote: string, inspect: (result: JsonObject) => void): Case {
  return {
    id: `basic/lifecycle/initialization/${slug}`,
    level: 'MUST',
    until,
    quote,
    run: async (t) => inspect(await initialized(t)),
  }
}

/** What the server offers to a client whose revision it does not know. */
async function offered(t: Context, requested: string): Promise<string | undefined> {
  const session = await t.begin()
  const reply = await session.request('initialize', {
    protocolVersion: requested,
    capabilities: {},
    clientInfo: { name: 'c', version: '1' },
  })
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
    id: 'basic/lifecycle/version-negotiation/supported-version-is-echoed',
    level: 'MUST',
    until,
    quote: 'If the server supports the requested protocol version, it MUST respond with the same version.',
    run: async (t) => checkEqual((await initialized(t)).protocolVersion, t.revision, 'protocolVersion'),
  },
  {
    id: 'basic/lifecycle/version-negotiation/offered-version-is-supported',
    level: 'MUST',
    until,
    once: true,
    quote:
      'Otherwise, the server MUST respond with another protocol version it supports: asked for that one, it responds with the same.',
    async run(t) {
      const version = await offered(t, '1999-01-01')
      if (version === undefined) return t.skip('it answers an unknown version with an error')
      check(version !== '1999-01-01', 'another version than the unknown one', version)
      checkEqual((await initialized(t, { protocolVersion: version })).protocolVersion, version, 'protocolVersion')
    },
  },
  {
    id: 'basic/lifecycle/version-negotiation/later-version-is-not-echoed',
    level: 'MUST',
    until,
    once: true,
    quote: 'Otherwise, the server MUST respond with another protocol version it supports.',
    async run(t) {
      const version = await offered(t, '2099-12-31')
      check(version !== '2099-12-31', 'another version than the unknown one', version)
    },
  },
  {
    id: 'basic/lifecycle/version-negotiation/nonsense-version-is-not-echoed',
    level: 'MUST',
    until,
    once: true,
    quote: 'Otherwise, the server MUST respond with another protocol version it supports.',
    async run(t) {
      const version = await offered(t, 'latest')
      check(version !== 'latest', 'another version than the unknown one', version)
    },
  },
  {
    id: 'basic/lifecycle/version-negotiation/offers-its-latest',
    level: 'SHOULD',
    until,
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
    id: 'basic/lifecycle/version-negotiation/each-session-negotiates',
    level: 'MUST',
    until,
    once: true,
    quote:
      'If the server supports the requested protocol version, it MUST respond with the same version, whatever other clients negotiated.',
    async run(t) {
      const versions = t.facts.revisions.filter((revision) => revision !== MODERN)
      if (versions.length < 2) return t.skip('the server accepts one revision only')
      const results = await Promise.all(versions.map((protocolVersion) => initialized(t, { protocolVersion })))
      checkEqual(
        results.map((result) => result.protocolVersion),
        versions,
        'each its own protocolVersion:',
      )
    },
  },
  {
    id: 'basic/lifecycle/capability-negotiation/unknown-client-capabilities',
    level: 'MUST',
    until,
    quote:
      'Known capabilities are defined in schema.ts, but this is not a closed set: any client can define its own, additional capabilities.',
    run: async (t) =>
      void (await initialized(t, {
        capabilities: {
          experimental: { 'com.example/x': {} },
          roots: { listChanged: true },
          sampling: {},
          conformanceUnknown: { a: 1 },
        },
      })),
  },
  {
    id: 'basic/lifecycle/initialization/unknown-client-info-members',
    level: 'SHOULD',
    until,
    quote: 'clientInfo is an Implementation; members of later revisions (title, icons, websiteUrl) do not make it invalid.',
    run: async (t) =>
      void (await initialized(t, {
        clientInfo: {
          name: 'c',
          version: '1',
          title: 'C',
          websiteUrl: 'https://example.com',
          icons: [{ src: 'https://example.com/i.png' }],
        },
      })),
  },
  {
    id: 'basic/lifecycle/initialization/operates-after-initialized',
    level: 'MUST',
    until,
    quote:
      'After successful initialization, the client MUST send an initialized notification to indicate it is ready to begin normal operations.',
    async run(t) {
      const session = await t.connect()
      await session.result('tools/list', {})
    },
  },
  {
    id: 'basic/lifecycle/initialization/ping-before-initialized',
    level: 'MUST',
    until,
    quote: 'Only pings are allowed between initialize and initialized, and the receiver of a ping MUST respond promptly.',
    async run(t) {
      const session = await t.begin()
      await t.initialize(session)
      await session.result('ping')
    },
  },
  {
    id: 'basic/lifecycle/initialization/no-requests-before-initialized',
    level: 'SHOULD',
    until,
    quote: 'The server SHOULD NOT send requests other than pings and logging before receiving the initialized notification.',
    async run(t) {
      const session = await t.begin()
      await t.initialize(session)
      const reply = await session.request('ping')
      await t.pause(40)
      if (session instanceof SseSession) session.pump()
      const all = session instanceof SseSession ? session.inbox : reply.messages
      const early = all.find(
        (message) => isObject(message) && message.id !== undefined && message.method !== undefined && message.method !== 'ping',
      )
      if (early !== undefined) fail('no request of the server before initialized', early)
    },
  },
  {
    id: 'basic/lifecycle/initialization/protocol-version-is-required',
    level: 'SHOULD',
    until,
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
