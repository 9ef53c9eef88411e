// A small Server for tests of the protocol library, with one tool for each kind of behaviour.
import { defineTool, type HttpOptions, httpSse, Server, type ServerOptions, ToolError } from '../../protocol/index.ts'
import { McpSession, withServer } from './wire.ts'

export interface Seen {
  /** Names of handlers whose signal aborted, with the reason's message. */
  aborted: string[]
  /** Errors that were reported as the server's own. */
  internal: { error: unknown; ref: string }[]
}

export function sampleServer(options: Partial<ServerOptions> = {}): { server: Server; seen: Seen; release: () => void } {
  const seen: Seen = { aborted: [], internal: [] }
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const noArguments = { type: 'object', additionalProperties: false } as const
  const tools = [
    defineTool({
      name: 'echo',
      title: 'Echo',
      description: 'Returns its text.',
      inputSchema: {
        type: 'object',
        properties: { text: { type: 'string' }, times: { type: 'integer', default: 1, minimum: 1, maximum: 1_000_000 } },
        required: ['text'],
        additionalProperties: false,
      },
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      aliases: { message: 'text' },
      handler: ({ text, times }) => text.repeat(times),
    }),
    defineTool({
      name: 'wait',
      description: 'Reports progress, then waits until it is aborted or released.',
      inputSchema: noArguments,
      handler: (_args, { signal, progress }) =>
        new Promise<string>((resolve, reject) => {
          progress(0)
          signal.addEventListener('abort', () => {
            seen.aborted.push(signal.reason.message)
            reject(signal.reason)
          })
          void released.then(() => resolve('released'))
        }),
    }),
    defineTool({
      name: 'deaf',
      description: 'Ignores its signal for ever.',
      inputSchema: noArguments,
      handler: () => new Promise<string>(() => {}),
    }),
    defineTool({
      name: 'fail',
      description: 'Throws.',
      inputSchema: {
        type: 'object',
        properties: { how: { type: 'string', enum: ['tool', 'other', 'string'] } },
        required: ['how'],
      },
      handler: ({ how }) => {
        if (how === 'tool') throw new ToolError('NOT_FOUND', 'no such thing', { hint: 'another' })
        if (how === 'string') throw 'secret-text'
        throw new Error('secret-detail')
      },
    }),
    defineTool({
      name: 'steps',
      description: 'Reports progress and logs.',
      inputSchema: noArguments,
      handler: (_args, context) => {
        context.progress(1, 3, 'one')
        context.progress(1, 3, 'again')
        context.progress(3, 3)
        context.log('debug', 'fine')
        context.log('error', { bad: true }, 'steps')
        setImmediate(() => context.progress(4)) // after the result: must not be sent
        return 'done'
      },
    }),
    defineTool({
      name: 'kinds',
      description: 'Returns every kind of content block.',
      inputSchema: noArguments,
      handler: () => [
        { type: 'text', text: 'text' },
        { type: 'image', data: 'AAAA', mimeType: 'image/png' },
        { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' },
        { type: 'resource', resource: { uri: 'x:1', text: 'inside' } },
        { type: 'resource_link', uri: 'x:2', name: 'two', mimeType: 'text/plain', size: 3 },
      ],
    }),
    defineTool({
      name: 'structured',
      description: 'Returns structured content.',
      inputSchema: { type: 'object', properties: { valid: { type: 'boolean', default: true } } },
      outputSchema: {
        type: 'object',
        properties: { count: { type: 'integer' } },
        required: ['count'],
        additionalProperties: false,
      },
      handler: ({ valid }) => ({ structuredContent: { count: valid ? 7 : ('seven' as unknown as number) } }),
    }),
    defineTool({
      name: 'who',
      description: 'Says who calls.',
      inputSchema: noArguments,
      handler: (_args, { caller, session }) => JSON.stringify({ ...caller, session }),
    }),
  ]
  const server = new Server({
    name: 'sample',
    version: '1.2.3',
    instructions: 'For tests.',
    tools,
    onInternalError: (error, { ref }) => seen.internal.push({ error, ref }),
    ...options,
  })
  return { server, seen, release }
}

export type Sample = ReturnType<typeof sampleServer>

/** Runs `use` with an HTTP+SSE session of a sample server that has these options. */
export function withSample(
  options: { server?: Partial<ServerOptions>; http?: HttpOptions },
  use: (session: McpSession, sample: Sample, url: string) => Promise<void>,
): Promise<void> {
  const sample = sampleServer(options.server)
  return withServer(httpSse(sample.server, options.http), async (url) => {
    const session = await McpSession.open(`${url}/sse`)
    try {
      await use(session, sample, url)
    } finally {
      session.close()
    }
  })
}
