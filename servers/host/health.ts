// The state of a server's backend: probed in the background, and at once when a call shows that it may have changed.
import { monotonicMs, ToolError } from '../../protocol/index.ts'
import type { Backend, Log } from '../kit/definition.ts'
import { withDeadline } from '../kit/waiting.ts'

export interface State {
  readonly state: 'ok' | 'down' | 'not_configured' | 'misconfigured' | 'unknown'
  /** ISO 8601: the first failure, or the first success after one. */
  readonly since: string
  /** Class of the error, as in tool results. */
  readonly error?: string
  /** The reason, with the backend's address and user. For the operator. */
  readonly message?: string
  /** What the operator can do about it. */
  readonly next?: string
  readonly detail?: Readonly<Record<string, unknown>>
}

export interface HealthOptions {
  readonly server: string
  /** Undefined for a server that cannot work; its state then stays the initial one. */
  readonly backend: Backend | undefined
  /** The server's variables that are set, its address first. */
  readonly set?: readonly string[]
  readonly log: Log
  readonly initial?: Omit<State, 'since'>
}

/** While the backend answers. A store in a cloud is paid by the request. */
const probeEveryMs = 30_000
/** While it does not: so that its return is noticed within seconds. */
const retryEveryMs = 1_000
/** A login that is refused is not tried each second: some servers lock such users out. */
const retryLoginMs = 30_000
/** Whoever asks for the state causes a probe when the last one is older than this. */
const freshMs = 10_000
const probeTimeoutMs = 5_000
/** Codes of failed calls that may mean that the backend is gone. */
const suspicious: ReadonlySet<string> = new Set(['UPSTREAM_UNREACHABLE', 'UPSTREAM_AUTH', 'UPSTREAM_ERROR', 'TIMEOUT'])

/** Which of a server's variables the operator looks at first. */
const credentials = /USER|PASS|KEY|TOKEN|SECRET|URL|URI/
const address = /HOST|PORT|URL|URI|ENDPOINT|ROOTS|PATH/

export class Health {
  readonly #options: HealthOptions
  #state: State
  /** On the clock of monotonicMs(): the system clock may be set back, and no probe would be due until it had caught up. */
  #probed = Number.NEGATIVE_INFINITY
  #probing: Promise<State> | undefined
  /** When a call first failed, since the last success. */
  #suspectedAt: number | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: HealthOptions) {
    this.#options = options
    this.#state = { ...(options.initial ?? { state: 'unknown' }), since: new Date().toISOString() }
  }

  /** The last known state, without a probe. */
  get state(): State {
    return this.#state
  }

  /** The current state: the last one, or that of a new probe if the last is older than ten seconds. Never rejects. */
  async check(): Promise<State> {
    return monotonicMs() - this.#probed < freshMs ? this.#state : this.#probe()
  }

  /** Probes in the background until `stop`. */
  watch(): void {
    if (this.#options.backend === undefined) return
    const { state, error } = this.#state
    this.#schedule(state !== 'down' ? probeEveryMs : error === 'UPSTREAM_AUTH' ? retryLoginMs : retryEveryMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /**
   * Is told the outcome of every call. A failure that may be the backend's, and a success of a backend that was down, cause a probe, at most one
   * each second. The probe decides, because the same code may concern one web page or one foreign table only.
   * @param code of the error; empty for a success
   */
  observe(code: string): void {
    const { state } = this.#state
    if (code === '' ? state !== 'down' : state === 'down' || !suspicious.has(code)) return
    if (code !== '') this.#suspectedAt ??= Date.now()
    const wait = this.#probed + retryEveryMs - monotonicMs()
    if (wait <= 0) void this.#probe()
    else this.#schedule(wait)
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#probe(), ms).unref()
  }

  #probe(): Promise<State> {
    const { backend } = this.#options
    if (backend === undefined) return Promise.resolve(this.#state)
    this.#probing ??= this.#ask(backend).finally(() => {
      this.#probing = undefined
      if (this.#timer !== undefined) this.watch()
    })
    return this.#probing
  }

  async #ask(backend: Backend): Promise<State> {
    const started = Date.now()
    const late = (): ToolError => new ToolError('TIMEOUT', `no answer within ${probeTimeoutMs} ms`)
    let next: Omit<State, 'since'>
    try {
      const detail = await withDeadline({ ms: probeTimeoutMs, late }, (signal) => backend.probe(signal))
      next = { state: 'ok', ...(Object.keys(detail).length === 0 ? {} : { detail }) }
    } catch (error) {
      if (!(error instanceof ToolError)) this.#options.log.error('probe failed', { server: this.#options.server, error })
      next = { state: 'down', ...this.#explain(error, backend.upstream) }
    }
    const before = this.#state
    const began = next.state === 'ok' ? Date.now() : Math.min(this.#suspectedAt ?? started, started)
    this.#probed = monotonicMs()
    this.#suspectedAt = undefined
    this.#state = { ...next, since: next.state === before.state ? before.since : new Date(began).toISOString() }
    this.#report(before)
    return this.#state
  }

  /** One line when the backend goes, and one when it returns. */
  #report(before: State): void {
    const { server, log } = this.#options
    const { state, since, error, message, next } = this.#state
    if (state === before.state) return
    if (state === 'down') log.error('backend does not answer', { server, since, error, reason: message, next })
    else if (before.state === 'down')
      log.info('backend answers again', { server, since, down_seconds: (Date.parse(since) - Date.parse(before.since)) / 1_000 })
  }

  /** Only a ToolError's text is written to be shown. */
  #explain(error: unknown, upstream: string): Pick<State, 'error' | 'message' | 'next'> {
    const { set = [] } = this.#options
    if (!(error instanceof ToolError)) return { error: 'INTERNAL', message: 'internal error', next: 'see the log' }
    const [what = ''] = error.message.split(/[.,;]? Ask the operator/, 1)
    const [, advice] = /^ask the operator to (.*)$/s.exec(error.hint ?? '') ?? []
    const refused = error.code === 'UPSTREAM_AUTH'
    const concerned = set.filter((name) => (refused ? credentials : address).test(name))
    const variables = (concerned.length > 0 ? concerned : set).join(', ')
    const next = `${refused ? 'correct the user or its credentials and restart' : 'check that it runs, and how it is addressed'}${variables === '' ? '' : `: ${variables}`}`
    return { error: error.code, message: what.includes(upstream) ? what : `${what} [${upstream}]`, next: advice ?? next }
  }
}
