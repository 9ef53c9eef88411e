// The only way a test is registered. uvu 0.5 runs the tests; this wrapper closes the gaps through which uvu reports success falsely
// (a thrown non-error, no time limit, an `after.each` that masks a failure, a forgotten `.run()`): see docs/decisions/0003-uvu-behind-a-wrapper.md.

;(globalThis as { UVU_DEFER?: boolean }).UVU_DEFER = true // uvu reads it when it is first loaded: the file runner calls exec() itself
const uvu = await import('uvu')
;(globalThis as unknown as { UVU_QUEUE: unknown[][] }).UVU_QUEUE.push([null]) // the unnamed group that uvu's own command would add

export interface Outcome {
  name: string
  status: 'passed' | 'failed' | 'skipped'
  ms: number
  reason?: string
}

export interface TestOptions {
  /** Limit for this test in milliseconds. Default 20,000. */
  timeoutMs?: number
}

type Body = (signal: AbortSignal) => unknown

const suite = uvu.suite('')
const names = new Set<string>()
export const outcomes: Outcome[] = []
/** What tests have measured, printed below their file's line also when all is well. */
export const shown: string[] = []
export let registered = 0

/** Registers a test. `body` gets a signal that aborts when the time limit is reached. */
export function test(name: string, body: Body, options: TestOptions = {}): void {
  register(name)
  const timeoutMs = options.timeoutMs ?? 20_000
  suite(name, async () => {
    const started = performance.now()
    const abort = new AbortController()
    let timer: NodeJS.Timeout | undefined
    try {
      const limit = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          const error = new Error(`test took longer than ${timeoutMs} ms`)
          abort.abort(error)
          reject(error)
        }, timeoutMs)
      })
      await Promise.race([limit, (async () => body(abort.signal))()])
      outcomes.push({ name, status: 'passed', ms: performance.now() - started })
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(`threw ${String(thrown)}, which is not an Error`)
      outcomes.push({ name, status: 'failed', ms: performance.now() - started, reason: error.message })
      throw error
    } finally {
      clearTimeout(timer)
    }
  })
}

/** Registers a test that cannot run here. The reason is printed, and with CI=true it must be one that CONTRIBUTING.md lists. */
test.skip = (name: string, reason: string): void => {
  register(name)
  outcomes.push({ name, status: 'skipped', ms: 0, reason })
}

/** `test`, or `test.skip` with `reason` when there is one. */
test.unless = (reason: string | undefined) => (name: string, body: Body, options?: TestOptions) =>
  reason === undefined ? test(name, body, options) : test.skip(name, reason)

/** Prints a text that is of use when the tests have passed: a table of what was measured. */
export function show(text: string): void {
  shown.push(text)
}

/** Runs everything that was registered; the file runner calls it once, after the test file has been loaded. */
export async function runRegistered(): Promise<void> {
  suite.run()
  await uvu.exec(false)
}

function register(name: string): void {
  if (names.has(name)) throw new Error(`two tests are named "${name}"`)
  names.add(name)
  registered += 1
}
