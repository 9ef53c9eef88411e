// The octet that runs, or will run, with this environment: its address, its token, and what /ready says.
import { type Env, readConfig } from '../host/config.ts'
import { principals, type Settings, settingsSchema } from '../host/settings.ts'
import type { ProcessState } from '../host/state.ts'
import { parseIfJson } from '../kit/text.ts'
import { readEnvironment } from './dotenv.ts'
import { bearer, send, siblingAddress } from './http.ts'
import { fail } from './usage.ts'

/** Longer than the five seconds that /ready gives a backend. */
const answerLimitMs = 8_000

export interface Here {
  readonly settings: Settings
  /** Base address on this machine. */
  readonly url: string
  readonly token: string | undefined
}

export function readHere({ env }: { env: Env } = readEnvironment()): Here {
  const { config, problems } = readConfig(settingsSchema, env)
  if (config === undefined) return fail(problems.join('; '))
  const { MCP_HOST: host, MCP_PORT: port, MCP_BASE_PATH: path = '' } = config
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return { settings: config, url: `http://${name}:${port}${path.replace(/\/$/, '')}`, token: principals(config)[0]?.token }
}

/** What /ready answers, without `servers` when the token is missing or wrong; or why it does not answer. */
export interface Ready extends Partial<Omit<ProcessState, 'status'>> {
  readonly status: ProcessState['status'] | 'not reached'
  readonly error?: string
}

/** Never rejects. */
export async function askReady(url: string, token: string | undefined): Promise<Ready> {
  const notReached = (error: string): Ready => ({ status: 'not reached', error })
  const address = siblingAddress(url, '/ready')
  if (address === undefined) return notReached('is not a valid http(s) address')
  try {
    const { status, text } = await send(address, { headers: bearer(token) }, answerLimitMs)
    if (status !== 200 && status !== 503) return notReached(`answers ${status} at ${address.pathname}, which no octet does`)
    const body = parseIfJson(text) as Ready | null | undefined
    // No octet answers with an "error": other programs do, and theirs may be an object or hold control characters.
    const isOctet = typeof body?.status === 'string' && body.error === undefined
    return isOctet ? body : notReached('answers, but is not an octet')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return notReached(code === 'ECONNREFUSED' ? 'nothing listens there (ECONNREFUSED)' : `cannot be reached (${code ?? message})`)
  }
}
