// Runs faults one after the other under the mixed load, and checks after each what must hold: no crash, no call that hangs, calls of servers
// that are not affected succeed, all succeed again soon, memory and descriptors are back, and the audit trail agrees with the ledger.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../helpers/child.ts'
import { random } from '../helpers/random.ts'
import { type Fault, faults, type Scene } from './faults.ts'
import { type Comparison, type Counts, compare, count, type Entry, Ledger } from './ledger.ts'
import { Load } from './load.ts'
import { deadlineMs, type Measured, type Start, System } from './system.ts'

/** How much later than its deadline a call may be answered on a busy machine. */
const slackMs = 4_000
const recoveryLimitMs = 20_000
const warmUpMs = 3_000
/** Between the calls of a fault and the fault. */
const leadMs = 400
/** Connections of pools and of kept-alive sockets come and go. */
const moreDescriptors = 30
/** The heap may grow to its limit before old garbage is collected; a leak in each of the faults would go on. */
const moreResidentMiB = 80

export interface Row {
  readonly fault: string
  readonly times: number
  readonly counts: Counts
  /** From the end of the fault until calls of all servers have succeeded. */
  readonly recoveredMs: number
  readonly after: Measured
}

export interface Trail {
  readonly start: Start
  readonly comparison: Comparison
  readonly records: number
}

export interface Report {
  readonly rows: readonly Row[]
  readonly trails: readonly Trail[]
  /** Faults that this machine cannot make, with the reason. */
  readonly leftOut: readonly string[]
  readonly problems: readonly string[]
  readonly servers: ReadonlyMap<string, Counts>
  /** Resident memory at the end of each round, in MiB. */
  readonly residentMiB: readonly number[]
}

export interface CampaignOptions {
  readonly seed: number
  /** Rounds are begun until so much time is over; in the first, every fault comes once. */
  readonly minutes: number
  /** Told of each fault as it ends. */
  readonly say?: (line: string) => void
  readonly signal?: AbortSignal
}

/** Never rejects for what the process under test did wrong: that is in `problems`. */
export async function runCampaign(options: CampaignOptions): Promise<Report> {
  const system = await System.open()
  try {
    return await new Campaign(system, options).run()
  } finally {
    await system.close()
  }
}

class Campaign {
  readonly #system: System
  readonly #options: CampaignOptions
  readonly #random: () => number
  readonly #ledger = new Ledger()
  readonly #rows = new Map<string, Row>()
  readonly #trails: Trail[] = []
  readonly #problems: string[] = []
  readonly #resident: number[] = []
  #load: Load | undefined
  #baseline: Measured | undefined
  #epoch = 0
  /** Where the log of the process has been checked up to. */
  #logged = 0

  constructor(system: System, options: CampaignOptions) {
    this.#system = system
    this.#options = options
    this.#random = random(options.seed)
  }

  async run(): Promise<Report> {
    const { seed, minutes, signal } = this.#options
    const possible = faults.filter(({ unavailable }) => unavailable === undefined)
    const end = performance.now() + minutes * 60_000
    const system = this.#system
    try {
      for (let round = 0; round === 0 || performance.now() < end; round += 1) {
        for (const fault of possible) {
          if (round > 0 && performance.now() > end) break
          signal?.throwIfAborted()
          await this.#one(fault, round === 0)
        }
        await this.#endTrail()
      }
    } finally {
      await this.#load?.stop()
    }
    const servers = new Map(
      system.servers.map((server) => [server, count(this.#ledger.entries.filter((entry) => entry.server === server))]),
    )
    return {
      rows: [...this.#rows.values()],
      trails: this.#trails,
      leftOut: faults.flatMap(({ name, unavailable }) => (unavailable === undefined ? [] : [`${name}: ${unavailable}`])),
      problems: this.#problems.map((problem) => `seed ${seed}: ${problem}`),
      servers,
      residentMiB: this.#resident,
    }
  }

  /** One fault from its beginning until all is well again. */
  async #one(fault: Fault, everything: boolean): Promise<void> {
    const system = this.#system
    const ledger = this.#ledger
    await this.#startAs(fault.start)
    const targets = everything ? [...system.backends.proxies.keys()] : this.#someTargets()
    const scene: Scene = { system, ledger, random: this.#random, targets }
    const from = ledger.entries.length
    ledger.during = fault.name
    this.#load?.resume()
    await delay(leadMs)
    const lengthMs = fault.seconds * 1_000 * (everything ? 1 : 0.5 + 2 * this.#random())
    let recoveredMs = 0
    try {
      await fault.begin(scene)
      await delay(lengthMs)
      await fault.end(scene)
      recoveredMs = await this.#recovered()
      await this.#load?.pause()
      await fault.check?.(scene, count(ledger.entries.slice(from)))
    } catch (error) {
      this.#problem(fault, error)
      await Promise.race([fault.end(scene).catch(() => {}), delay(recoveryLimitMs, undefined, { ref: false })])
      await this.#load?.pause()
    }
    const entries = ledger.entries.slice(from)
    const named = { all: system.servers, backends: [...system.backends.proxies.keys()], targets }
    const affected: readonly string[] = typeof fault.affects === 'string' ? named[fault.affects] : fault.affects
    // A page of a browser may take longer than the short deadline while the machine is busy.
    const isLate = ({ server, code }: Entry): boolean => server === 'playwright' && code === 'TIMEOUT'
    const bystanders = entries.filter((entry) => entry.outcome !== 'ok' && !affected.includes(entry.server) && !isLate(entry))
    this.#must(fault, () => {
      const counts = count(entries)
      assert.equal(system.ended, false, `the process has ended:\n${system.output}`)
      assert.equal(counts.hung, 0, `${counts.hung} calls hang: ${describe(entries.filter(({ outcome }) => outcome === 'hung'))}`)
      assert.equal(bystanders.length, 0, `calls of servers that are not affected fail: ${describe(bystanders)}`)
      // In later rounds a fault may end before the first deadline.
      if (fault.harms && everything) assert.ok(counts.ok < counts.calls, 'no call failed, so there was no fault')
      const limit = deadlineMs + slackMs + (fault.stretch ?? 0) * lengthMs
      assert.ok(counts.longestMs < limit, `a call was answered after ${counts.longestMs.toFixed(0)} ms, the limit is ${limit}`)
      if (fault.internal === undefined) assert.equal(counts.codes.get('INTERNAL'), undefined, 'calls failed with INTERNAL')
    })
    this.#must(fault, () => this.#checkLog(fault))
    const after = system.ended ? { residentMiB: 0, descriptors: 0 } : await this.#settled()
    this.#must(fault, () => this.#checkMeasured(after))
    this.#add(fault.name, count(entries), recoveredMs, after)
    if (system.ended) {
      this.#baseline = undefined
      await system.start(fault.start)
    }
  }

  /** Stops the process and starts it in another way, if it was. */
  async #startAs(start: Start): Promise<void> {
    const { started, ended } = this.#system
    if (this.#load !== undefined && !ended && started.required === start.required && started.disk === start.disk) return
    if (this.#load !== undefined) await this.#endTrail()
    this.#ledger.during = 'warm-up'
    this.#epoch += 1
    this.#ledger.trail = `trail ${this.#epoch}`
    await this.#system.start(start)
    this.#baseline = undefined
    if (this.#load === undefined) {
      const { works } = this.#system.backends
      const { url, token } = { url: () => this.#system.url, token: this.#system.token }
      this.#load = new Load({ ledger: this.#ledger, works, random: this.#random, url, token })
    } else this.#load.resume()
    await delay(warmUpMs)
    await this.#recovered().catch((error) => this.#problem({ name: `start of ${this.#ledger.trail}` }, error))
    await this.#load.pause()
    const { descriptors, residentMiB } = this.#system.measure()
    this.#baseline = { descriptors, residentMiB }
  }

  /** Ends the process as its operator would, and compares the trail with the ledger. */
  async #endTrail(): Promise<void> {
    const system = this.#system
    await this.#load?.pause()
    if (system.ended) return
    this.#resident.push(system.measure().residentMiB)
    const { lost } = (await system.ready()).body.audit
    const code = await system.stop('SIGTERM')
    const { trail, prefix, entries } = this.#ledger
    const records = system.records()
    const comparison = compare(
      entries.filter((entry) => entry.trail === trail),
      records,
      prefix,
    )
    const { code: verified, stdout } = await system.verify()
    this.#trails.push({ start: system.started, comparison, records: records.length })
    const about = { name: `${trail}, AUDIT_REQUIRED=${system.started.required} on the ${system.started.disk} disk` }
    this.#must(about, () => assert.equal(code, 0, `exit code ${code} after SIGTERM`))
    this.#must(about, () => {
      assert.ok(comparison.answered > 0, 'no call was answered')
      assert.deepEqual(comparison.repeated, [])
      // The fault itself has checked the trail of a disk that turned read-only, before what was not yet on the disk was gone.
      if (system.started.disk === 'failing') return
      if (system.started.required) assert.equal(comparison.withoutIntent, 0, 'answered calls have no intent in the trail')
      const { missing, lost: admitted } = comparison
      assert.ok(missing <= admitted, `${missing} answered calls are missing, the trail admits ${admitted}`)
      assert.ok(lost <= admitted, `/ready counts ${lost}, the trail ${admitted}`)
    })
    this.#must(about, () => {
      const problems = stdout.split('\n').filter((line) => /^\S+:\d+: /.test(line) && !/could not be written/.test(line))
      assert.deepEqual(problems, [], stdout)
      assert.equal(verified, comparison.lost > 0 ? 1 : 0, stdout)
    })
    for (const file of system.trailFiles) rmSync(file)
    this.#baseline = undefined
  }

  /** Resolves with the time until a call of every server that was sent after now has succeeded; /ready must say so, too. */
  async #recovered(): Promise<number> {
    const { servers } = this.#system
    const began = performance.now()
    const from = this.#ledger.entries.length
    const missing = (): string[] => {
      const good = this.#ledger.entries.slice(from).filter(({ outcome }) => outcome === 'ok')
      return servers.filter((server) => !good.some((entry) => entry.server === server))
    }
    try {
      await until(() => missing().length === 0, recoveryLimitMs)
    } catch {
      const last = this.#ledger.entries.slice(from).filter(({ server }) => missing().includes(server))
      const why = `${describe(last)}; the end of the log: ${this.#system.output.slice(-1_000)}`
      throw new Error(`no call succeeds within ${recoveryLimitMs} ms: ${missing().join(', ')}; ${why}`)
    }
    const recoveredMs = performance.now() - began
    await until(async () => (await this.#system.ready()).status === 200, recoveryLimitMs).catch(async () => {
      throw new Error(`/ready stays 503: ${(await this.#system.ready()).body.summary}`)
    })
    return recoveredMs
  }

  /** Connections that were given up close a moment later. */
  async #settled(): Promise<Measured> {
    const limit = (this.#baseline?.descriptors ?? Number.POSITIVE_INFINITY) + moreDescriptors
    await until(() => this.#system.descriptors <= limit, 5_000).catch(() => {})
    return this.#system.measure()
  }

  #checkMeasured(after: Measured): void {
    const before = this.#baseline
    this.#baseline ??= after
    if (before === undefined) return
    const { descriptors, residentMiB } = after
    assert.ok(descriptors <= before.descriptors + moreDescriptors, `${descriptors} descriptors, ${before.descriptors} before`)
    assert.ok(
      residentMiB <= before.residentMiB + moreResidentMiB,
      `${residentMiB.toFixed(0)} MiB resident, ${before.residentMiB.toFixed(0)} before`,
    )
  }

  #checkLog({ internal }: Fault): void {
    const { log } = this.#system
    const isBad = (line: Record<string, unknown>): boolean =>
      /internal error|uncaught|probe failed/.test(String(line.message)) && internal?.test(JSON.stringify(line)) !== true
    const bad = log.slice(this.#logged).filter(isBad)
    this.#logged = log.length
    assert.equal(bad.length, 0, `the log has ${bad.length} lines such as ${JSON.stringify(bad[0])}`)
  }

  #someTargets(): string[] {
    const all = [...this.#system.backends.proxies.keys()]
    const some = all.filter(() => this.#random() < 0.5)
    const chosen = some.length > 0 ? some : all
    // Both reach the same website.
    const shared = ['fetch', 'playwright'].filter((server) => all.includes(server))
    return chosen.some((server) => shared.includes(server)) ? [...new Set([...chosen, ...shared])] : chosen
  }

  #add(name: string, counts: Counts, recoveredMs: number, after: Measured): void {
    const before = this.#rows.get(name)
    const row: Row = {
      fault: name,
      times: (before?.times ?? 0) + 1,
      counts: before === undefined ? counts : sum(before.counts, counts),
      recoveredMs: Math.max(before?.recoveredMs ?? 0, recoveredMs),
      after: {
        residentMiB: Math.max(before?.after.residentMiB ?? 0, after.residentMiB),
        descriptors: Math.max(before?.after.descriptors ?? 0, after.descriptors),
      },
    }
    this.#rows.set(name, row)
    const { ok, error, refused, closed, hung } = counts
    const said = [`${ok} ok`, `${error} errors`, `${refused} refused`, `${closed} closed`, `${hung} hung`].join(', ')
    this.#options.say?.(`${name}: ${said}; recovered after ${recoveredMs.toFixed(0)} ms; ${codesOf(counts)}`)
  }

  #must(about: { readonly name: string }, check: () => void): void {
    try {
      check()
    } catch (error) {
      this.#problem(about, error)
    }
  }

  #problem({ name }: { readonly name: string }, error: unknown): void {
    const problem = `${name}: ${error instanceof Error ? error.message : error}`
    this.#problems.push(problem)
    this.#options.say?.(`PROBLEM ${problem}`)
  }
}

function describe(
  entries: readonly { server: string; tool: string; transport: string; outcome: unknown; code: string }[],
): string {
  const kinds = new Map<string, number>()
  for (const { server, transport, outcome, code } of entries) {
    const kind = `${server} over ${transport}: ${outcome} ${code}`
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  return [...kinds].map(([kind, times]) => `${times} × ${kind}`).join('; ')
}

export function codesOf({ codes }: Counts): string {
  return [...codes].map(([code, times]) => `${code} ${times}`).join(', ')
}

function sum(a: Counts, b: Counts): Counts {
  const codes = new Map(a.codes)
  for (const [code, times] of b.codes) codes.set(code, (codes.get(code) ?? 0) + times)
  return {
    calls: a.calls + b.calls,
    ok: a.ok + b.ok,
    error: a.error + b.error,
    refused: a.refused + b.refused,
    closed: a.closed + b.closed,
    hung: a.hung + b.hung,
    longestMs: Math.max(a.longestMs, b.longestMs),
    codes,
  }
}
