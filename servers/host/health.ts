// The state of a server's backend: probed at most every ten seconds, with the time since when it has held.
import { ToolError } from '../../protocol/index.ts'
import type { Backend } from '../kit/definition.ts'
import { withDeadline } from '../kit/waiting.ts'

export interface State {
  state: 'ok' | 'down' | 'not_configured' | 'misconfigured' | 'unknown'
  /** ISO 8601, when this state began as far as this process knows. */
  since: string
  /** Class of the error, as in tool results. */
  error?: string
  message?: string
  detail?: Readonly<Record<string, unknown>>
}

const probeEveryMs = 10_000
const probeTimeoutMs = 5_000

export class Health {
  readonly #backend: Backend | undefined
  #state: State
  #probed = 0
  #probing: Promise<State> | undefined

  constructor(backend: Backend | undefined, initial: Omit<State, 'since'> = { state: 'unknown' }) {
    this.#backend = backend
    this.#state = { ...initial, since: new Date().toISOString() }
  }

  /** The last known state, without a probe. */
  get state(): State {
    return this.#state
  }

  /** The current state: the last one, or that of a new probe if the last is older than ten seconds. Never rejects. */
  async check(): Promise<State> {
    if (this.#backend === undefined || Date.now() - this.#probed < probeEveryMs) return this.#state
    this.#probing ??= this.#probe(this.#backend).finally(() => {
      this.#probing = undefined
    })
    return this.#probing
  }

  async #probe(backend: Backend): Promise<State> {
    const late = (): ToolError => new ToolError('TIMEOUT', `no answer within ${probeTimeoutMs} ms`)
    let next: Omit<State, 'since'>
    try {
      const detail = await withDeadline({ ms: probeTimeoutMs, late }, (signal) => backend.probe(signal))
      next = { state: 'ok', ...(Object.keys(detail).length === 0 ? {} : { detail }) }
    } catch (error) {
      // Only a ToolError's text is written to be shown.
      next =
        error instanceof ToolError
          ? { state: 'down', error: error.code, message: error.message }
          : { state: 'down', error: 'INTERNAL' }
    }
    this.#probed = Date.now()
    const same = next.state === this.#state.state && next.error === this.#state.error
    this.#state = { ...next, since: same ? this.#state.since : new Date().toISOString() }
    return this.#state
  }
}
