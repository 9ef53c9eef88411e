// The browser process: started at first use, replaced when it has grown or crashed, closed when idle.
import { monotonicMs } from '../../../protocol/index.ts'
import type { Log } from '../../kit/definition.ts'
import { sleep } from '../../kit/waiting.ts'
import { type Launched, launch } from '../backend.ts'
import type { PlaywrightConfig } from '../config.ts'
import { settled } from './ask-page.ts'
import { killGroup, membersOf, memoryOf } from './processes.ts'

const maxNavigations = 200
const closeTimeoutMs = 5_000
const groupEndTimeoutMs = 3_000

export class BrowserKeeper {
  readonly #config: PlaywrightConfig
  readonly #log: Log
  /** Starting or running. */
  #current: Promise<Launched> | undefined
  /** When the browser before the current one has ended. */
  #ended: Promise<void> = Promise.resolve()
  #closed = false
  /** The browser once it has started, until it is to end. */
  running: Launched | undefined
  /** Of the running browser. */
  navigations = 0
  /** Called when the browser has ended by itself, so that its pages are known to be lost. */
  onCrash: () => void = () => {}

  constructor(config: PlaywrightConfig, log: Log) {
    this.#config = config
    this.#log = log
  }

  /** The running browser, started if there is none. @throws ToolError UPSTREAM_UNREACHABLE */
  async get(): Promise<Launched> {
    if (this.#closed) throw new Error('the server is closing')
    const current = (this.#current ??= this.#start())
    current.catch(() => {
      if (this.#current === current) this.#current = undefined
    })
    return current
  }

  /** Is it due for recycling: too many navigations, or too much memory? */
  get recyclable(): boolean {
    return this.running !== undefined && (this.navigations >= maxNavigations || this.roomMb < 0)
  }

  /** MB left below the memory limit. */
  get roomMb(): number {
    return this.running === undefined ? 0 : this.#config.PLAYWRIGHT_MAX_RSS_MB - memoryOf(this.running.group)
  }

  /** Ends the browser. The next `get` starts another, unless the server is closing. */
  end(reason: 'crashed' | 'recycled' | 'idle' | 'closed'): Promise<void> {
    this.#closed ||= reason === 'closed'
    const end = async (launched: Launched): Promise<void> => {
      this.running = undefined
      const level = reason === 'crashed' ? 'warn' : 'info'
      this.#log[level]('the browser ends; the next call starts another', { reason, navigations: this.navigations })
      await finish(launched)
    }
    if (this.#current !== undefined) this.#ended = this.#current.then(end, () => {}) // it never started
    this.#current = undefined
    return this.#ended
  }

  async #start(): Promise<Launched> {
    await this.#ended
    const launched = await launch(this.#config, this.#log)
    this.running = launched
    this.navigations = 0
    launched.browser.on('disconnected', () => {
      if (this.running !== launched) return // ended by us
      this.running = undefined
      void this.end('crashed')
      this.onCrash()
    })
    return launched
  }
}

/** Closes the browser, kills what is left of its processes, and removes its folder. */
async function finish({ browser, group, cleanUp }: Launched): Promise<void> {
  const closed = browser.close().catch(() => {}) // it may be gone already
  await settled(closeTimeoutMs, closed)
  killGroup(group)
  const began = monotonicMs()
  while (membersOf(group).length > 0 && monotonicMs() - began < groupEndTimeoutMs) await sleep(20)
  await settled(closeTimeoutMs, closed) // Playwright removes its profile when it has seen the end
  cleanUp()
}
