// The faults: what each does, which calls may fail meanwhile, and what must be so besides what holds for all of them (campaign.ts).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../helpers/child.ts'
import { SseClient } from '../helpers/wire.ts'
import { adminCommand } from './admin-command.ts'
import { Crowd, headOf } from './clients.ts'
import { FailingDisk } from './disks.ts'
import { type Counts, compare, type Ledger } from './ledger.ts'
import type { Link } from './network.ts'
import type { Start, System } from './system.ts'
import type { Mode } from './tcp-proxy.ts'

export interface Scene {
  readonly system: System
  readonly ledger: Ledger
  readonly random: () => number
  /** Servers whose backends are disturbed this time, of those that have one behind a proxy. */
  readonly targets: readonly string[]
}

export interface Fault {
  readonly name: string
  /** How the process must have been started; it is started again when it was not. */
  readonly start: Start
  /** Time from when it begins until it ends, in seconds; a check may take longer. */
  readonly seconds: number
  /** Servers whose calls may fail meanwhile; every call of the others must succeed. */
  readonly affects: 'targets' | 'backends' | 'all' | readonly string[]
  /** Whether at least one call must fail: otherwise the fault is none. */
  readonly harms: boolean
  /** How much later than its deadline a call may be answered, in lengths of this fault. */
  readonly stretch?: number
  /** Why it cannot be had on this machine. */
  readonly unavailable?: string | undefined
  /** What `internal error` lines of the log, and answers INTERNAL, may be about. */
  readonly internal?: RegExp
  begin(scene: Scene): Promise<void>
  end(scene: Scene): Promise<void>
  /** After calls of all servers have succeeded again. */
  check?(scene: Scene, counts: Counts): Promise<void> | void
}

const isRoot = process.getuid?.() === 0
const needsRoot = isRoot ? undefined : 'it needs root'
/** Without root there is no disk of our own, and the faults of disks are left out. */
const usual: Start = { required: true, disk: isRoot ? 'small' : 'plain' }

export const faults: readonly Fault[] = [
  disturbed('backends refuse connections', 'refuse', true),
  disturbed('backends are slow', 'slow', false),
  disturbed('backends reset connections', 'reset', true),
  disturbed('backends close half of the connection, with half of the answer', 'half-close', true),
  disturbed('backends answer garbage', 'garbage', true),
  disturbed('backends answer without end', 'endless', true),
  disturbed('backends accept and do not answer', 'blackhole', true),
  killed('postgres', ['postgres']),
  killed('website', ['fetch', 'playwright']),
  browserKilled(),
  partition('backends', true),
  partition('clients', false),
  inodesExhausted(),
  diskFull({ required: true, disk: 'small' }),
  descriptorsExhausted(),
  idleSockets(),
  slowClients(),
  giantHeads(),
  deepJson(),
  clockBack(),
  clockAhead(),
  sigkill(),
  sigterm(),
  diskFull({ required: false, disk: 'small' }),
  diskFails({ required: true, disk: 'failing' }),
  diskFails({ required: false, disk: 'failing' }),
]

// --- backends ---------------------------------------------------------------------------------------------------------------------------

async function setProxies({ backends }: System, servers: Iterable<string>, mode: Mode): Promise<void> {
  const proxies = new Set([...servers].flatMap((server) => backends.proxies.get(server) ?? []))
  await Promise.all([...proxies].map((proxy) => proxy.set(mode)))
}

function disturbed(name: string, mode: Mode, harms: boolean): Fault {
  return {
    ...{ name, start: usual, seconds: 3, affects: 'targets', harms },
    begin: ({ system, targets }) => setProxies(system, targets, mode),
    end: ({ system, targets }) => setProxies(system, targets, 'pass'),
  }
}

function killed(which: 'postgres' | 'website', affects: readonly string[]): Fault {
  return {
    ...{ name: `${which} is killed and started again`, start: usual, seconds: 2, affects, harms: true },
    async begin({ system }) {
      system.backends.killable[which].kill()
    },
    end: ({ system }) => system.backends.killable[which].start(),
  }
}

function browserKilled(): Fault {
  return {
    ...{ name: 'the browser is killed', start: usual, seconds: 2, affects: ['playwright'], harms: false },
    unavailable:
      process.env.OCTET_TEST_CHROMIUM_HEADLESS_SHELL === undefined
        ? 'there is no browser (OCTET_TEST_CHROMIUM_HEADLESS_SHELL)'
        : undefined,
    async begin({ system }) {
      assert.ok(system.killBrowser() > 0, 'no browser was running')
    },
    async end() {},
  }
}

// --- network ----------------------------------------------------------------------------------------------------------------------------

function partition(link: Link, harms: boolean): Fault {
  return {
    ...{ name: `the network to the ${link} is cut`, start: usual, seconds: 4, harms, unavailable: needsRoot },
    // TCP sends again 0.2, 0.6, 1.4, 3, 6.2 s later (RFC 6298): after a cut, the next time is as far away as the cut was long, at most.
    ...(link === 'backends' ? { affects: 'backends' } : { affects: 'all', stretch: 2 }),
    async begin({ system }) {
      system.network.cut(link)
    },
    async end({ system }) {
      system.network.join(link)
    },
  }
}

// --- disks ------------------------------------------------------------------------------------------------------------------------------

/** While the trail cannot be written, /ready is 503 and says so. */
async function awaitUnwritten(system: System): Promise<void> {
  await until(async () => {
    const { status, body } = await system.ready()
    return status === 503 && body.audit.written === false && /audit trail cannot be written/.test(body.summary)
  }, 10_000)
}

function checkUnwritten(required: boolean, counts: Counts): void {
  const refused = counts.codes.get('UNRECORDED') ?? 0
  if (required) assert.ok(refused > 0, 'no call was refused')
  else assert.equal(refused, 0, 'calls were refused although AUDIT_REQUIRED is false')
}

function diskFull(start: Start): Fault {
  const { required } = start
  let lostBefore = 0
  return {
    ...{ name: `the audit trail's disk is full, AUDIT_REQUIRED=${required}`, start, seconds: 3, harms: required },
    ...{ affects: required ? 'all' : [], unavailable: needsRoot },
    async begin({ system }) {
      lostBefore = (await system.ready()).body.audit.lost
      system.small.fill()
      await awaitUnwritten(system)
    },
    async end({ system }) {
      system.small.free()
    },
    async check({ system }, counts) {
      checkUnwritten(required, counts)
      const { body } = await system.ready()
      const lost = body.audit.lost - lostBefore
      assert.ok(lost > 0, 'no record is counted as lost')
      const written = system.log.filter(({ message }) => message === 'audit trail is written again').at(-1)
      assert.equal(typeof written?.lost_records, 'number', 'the log does not say how many records are missing')
      const { code, stdout } = await system.verify()
      assert.equal(code, 1)
      assert.match(stdout, /could not be written: \d+/)
    },
  }
}

function inodesExhausted(): Fault {
  let logged = 0
  return {
    ...{
      name: "the audit trail's disk has no inode left",
      start: usual,
      seconds: 5,
      affects: [],
      harms: false,
      unavailable: needsRoot,
    },
    async begin({ system }) {
      logged = system.log.length
      system.small.useInodes()
      // The load writes until a rotation is due.
      await until(
        () => system.log.slice(logged).some(({ message }) => message === 'the audit file cannot be rotated and grows'),
        30_000,
      )
    },
    async end({ system }) {
      system.small.free()
      await until(() => system.log.slice(logged).some(({ message }) => message === 'the audit file is rotated again'), 30_000)
    },
  }
}

function diskFails(start: Start): Fault {
  const { required } = start
  return {
    ...{
      name: `the audit trail's disk turns read-only, AUDIT_REQUIRED=${required}`,
      start,
      seconds: 2,
      affects: 'all',
      harms: true,
    },
    unavailable: needsRoot ?? FailingDisk.unavailable,
    async begin({ system }) {
      system.failing.fail()
      await awaitUnwritten(system)
    },
    /** Its operator repairs the disk and starts the process again. */
    async end({ system, ledger }) {
      assert.equal(await system.stop('SIGTERM'), 0)
      // What the kernel had not yet brought to the disk is gone when it is mounted again.
      const entries = ledger.entries.filter(({ trail }) => trail === ledger.trail)
      if (required) assert.equal(compare(entries, system.records(), ledger.prefix).withoutIntent, 0)
      system.failing.repair('ro')
      await assert.rejects(system.start(start), /AUDIT_FILE: cannot be written \(EROFS\)/)
      assert.equal(await system.stop('SIGKILL'), 78)
      system.failing.repair()
      await system.start(start)
    },
    async check({ system }, counts) {
      checkUnwritten(required, counts)
      const { stdout } = await system.verify()
      assert.match(stdout, /note: .*(killed|stop)/, 'the records that are missing at the end of a process are not mentioned')
    },
  }
}

// --- limits of the process --------------------------------------------------------------------------------------------------------------

function descriptorsExhausted(): Fault {
  let crowd = new Crowd()
  return {
    ...{ name: 'no descriptor is left', start: usual, seconds: 4, affects: 'all', harms: true, unavailable: needsRoot },
    internal: /EMFILE/,
    async begin({ system }) {
      crowd = new Crowd()
      system.limitDescriptors(system.descriptors + 4)
      await crowd.join(system.url, 100, () => {})
      await until(() => crowd.ended > 50, 5_000)
    },
    async end({ system }) {
      crowd.leave()
      system.limitDescriptors('as before')
    },
  }
}

/** servers/host/serve.ts: connections at once. That idle ones are closed after ten seconds is tested there. */
const maxConnections = 2_048

function idleSockets(count = 10_000): Fault {
  let crowd = new Crowd()
  let before = 0
  return {
    // Whoever connects meanwhile is turned away; who is connected is served.
    ...{ name: `${count.toLocaleString('en')} idle sockets`, start: usual, seconds: 3, affects: 'all', harms: false },
    async begin({ system }) {
      crowd = new Crowd()
      before = system.descriptors
      raiseDescriptors(count + 2_000)
      await crowd.join(system.url, count, () => {})
      await until(() => crowd.ended >= count - maxConnections, 15_000)
      assert.ok(system.descriptors > 1_000, `${system.descriptors} descriptors`)
    },
    async end({ system }) {
      crowd.leave()
      await until(() => system.descriptors < before + 100, 10_000)
    },
  }
}

/** Node raises its own soft limit to the hard one. */
function raiseDescriptors(count: number): void {
  const [, hard = '0'] = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  if (Number(hard) < count) adminCommand('prlimit', '--pid', String(process.pid), `--nofile=${count}:${count}`)
}

/** protocol/transports/http.ts: in which a body must have come, and how much may wait for one client. */
const bodyTimeoutMs = 15_000
/** More than may wait for all of them together, at 4 MiB for each. */
const silentSessions = 8

function slowClients(): Fault {
  let [senders, readers] = [new Crowd(), new Crowd()]
  let refusedBefore = 0
  const stalled = ({ log }: System): number => log.filter(({ reason }) => reason === 'client-stalled').length
  return {
    ...{ name: 'slow senders and readers', start: usual, seconds: 1, affects: [], harms: false },
    async begin({ system }) {
      ;[senders, readers] = [new Crowd(), new Crowd()]
      refusedBefore = stalled(system)
      // A byte each second of a body that never ends.
      await senders.join(system.url, 200, (socket) => {
        socket.write(headOf(system.url, '/filesystem/mcp', system.token, 1_000))
        senders.every(1_000, socket, () => socket.write(' '))
      })
      // Requests without end, whose answers nobody reads.
      const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
      const request = headOf(system.url, '/mcp', system.token, list.length) + list
      await readers.join(system.url, 20, (socket) => void socket.write(request.repeat(2_000)), { reads: false })
      await Promise.all(Array.from({ length: silentSessions }, () => readNothing(system, readers)))
    },
    async end({ system }) {
      await until(() => senders.open === 0, bodyTimeoutMs + 5_000)
      assert.deepEqual([...senders.answers.keys()], ['HTTP/1.1 408 Request Timeout'])
      await until(() => stalled(system) - refusedBefore >= silentSessions, 30_000)
      readers.leave()
    },
  }
}

/** Opens a session of HTTP+SSE, reads its first event, and then only asks. */
async function readNothing({ url, token }: System, crowd: Crowd): Promise<void> {
  let endpoint: ((path: string) => void) | undefined
  const named = new Promise<string>((resolve) => {
    endpoint = resolve
  })
  await crowd.join(
    url,
    1,
    (socket) => {
      let text = ''
      const read = (chunk: Buffer): void => {
        text += chunk.toString('latin1')
        const path = /data: (\S+)\n/.exec(text)?.[1]
        if (path === undefined) return
        socket.off('data', read).pause()
        endpoint?.(path)
      }
      socket.on('data', read)
      socket.write(
        `GET /sse HTTP/1.1\r\nHost: ${new URL(url).host}\r\nAuthorization: Bearer ${token}\r\nAccept: text/event-stream\r\n\r\n`,
      )
    },
    { reads: false },
  )
  const path = await named
  await crowd.join(url, 1, (socket) => {
    let id = 0
    crowd.every(10, socket, () => {
      id += 1
      const list = `{"jsonrpc":"2.0","id":${id},"method":"tools/list"}`
      socket.write(headOf(url, path, token, list.length) + list)
    })
  })
}

function giantHeads(): Fault {
  let crowd = new Crowd()
  return {
    ...{ name: 'giant heads', start: usual, seconds: 1, affects: [], harms: false },
    async begin({ system }) {
      crowd = new Crowd()
      const line = `X-Long: ${'y'.repeat(1_000_000)}\r\n`
      const lines = Array.from({ length: 20_000 }, (_, i) => `X-${i}: y\r\n`).join('')
      for (const more of [line, lines])
        await crowd.join(system.url, 50, (socket) => void socket.write(headOf(system.url, '/mcp', system.token, 2, more)))
      await crowd.join(system.url, 50, (socket) => void socket.write(`GET /${'z'.repeat(1_000_000)} HTTP/1.1\r\nHost: x\r\n\r\n`))
    },
    async end() {
      await until(() => crowd.open === 0, 15_000)
      for (const line of crowd.answers.keys()) assert.match(line, /^HTTP\/1.1 4\d\d /)
    },
  }
}

function deepJson(): Fault {
  let crowd = new Crowd()
  let sent = 0
  return {
    ...{ name: 'deep and wide JSON', start: usual, seconds: 1, affects: [], harms: false },
    async begin({ system }) {
      crowd = new Crowd()
      sent = 0
      const deep = (open: string, close: string, times: number): string => open.repeat(times) + close.repeat(times)
      const call = (args: string): string =>
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_file","arguments":${args}}}`
      const bodies = [
        deep('[', ']', 500_000),
        '['.repeat(1_000_000),
        call(`{"path":${deep('[', ']', 400_000)}}`),
        call(deep('{"path":', '}', 100_000).replace('}', '1}')),
        call(`{"path":[${'1,'.repeat(400_000)}1]}`),
        call(`{${Array.from({ length: 60_000 }, (_, i) => `"k${i}":1`).join(',')}}`),
        `{"jsonrpc":"2.0","id":${deep('[', ']', 400_000)},"method":"ping"}`,
        `{"method":"${'m'.repeat(1_000_000)}","jsonrpc":"2.0","id":1}`,
      ]
      for (const body of bodies) {
        const text = headOf(system.url, '/mcp', system.token, Buffer.byteLength(body), 'Connection: close\r\n') + body
        await crowd.join(system.url, 3, (socket) => void socket.write(text))
        sent += 3
      }
    },
    async end() {
      await until(() => crowd.open === 0, 20_000)
      const answered = [...crowd.answers.values()].reduce((a, b) => a + b, 0)
      assert.equal(answered, sent, `${JSON.stringify([...crowd.answers])}`)
      // 503: more than a process takes at once.
      for (const line of crowd.answers.keys()) assert.match(line, /^HTTP\/1.1 (200|4\d\d|503) /)
    },
  }
}

// --- clock ------------------------------------------------------------------------------------------------------------------------------

const hourMs = 3_600_000
/** protocol/transports/http.ts: a comment at least so often. */
const keepAliveMs = 15_000

function clockBack(): Fault {
  let stream: SseClient | undefined
  return {
    ...{ name: 'the clock is set back by an hour', start: usual, seconds: 1, affects: 'backends', harms: true },
    async begin({ system, targets }) {
      const headers = { authorization: `Bearer ${system.token}` }
      stream = await SseClient.open(`${system.url}/sse`, { headers })
      await until(async () => (await system.ready()).status === 200, 15_000)
      const { comments } = stream
      system.shiftClock(-hourMs)
      const began = performance.now()
      // A backend that goes is noticed, and so is its return. Nobody probes the website of fetch and of the browser.
      const gone = [...targets, 'postgres']
      await setProxies(system, gone, 'refuse')
      await until(async () => (await system.ready()).status === 503, 8_000)
      await setProxies(system, gone, 'pass')
      await until(async () => {
        const { servers } = (await system.ready()).body
        // S3 refuses signatures whose time is more than 15 minutes away.
        return Object.entries<{ state: string }>(servers).every(([name, { state }]) => name === 'storage' || state === 'ok')
      }, 8_000)
      await until(() => (stream?.comments ?? 0) > comments, Math.max(0, keepAliveMs + 2_000 - (performance.now() - began)))
    },
    async end({ system }) {
      stream?.close()
      system.shiftClock(0)
    },
  }
}

function clockAhead(): Fault {
  let crowd = new Crowd()
  return {
    // S3 refuses signatures whose time is more than 15 minutes away.
    ...{ name: 'the clock is set ahead by an hour', start: usual, seconds: 1, affects: ['storage'], harms: false },
    async begin({ system }) {
      crowd = new Crowd()
      const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
      const rest: (() => void)[] = []
      await crowd.join(system.url, 5, (socket) => {
        socket.write(headOf(system.url, '/mcp', system.token, list.length, 'Connection: close\r\n') + list.slice(0, 10))
        rest.push(() => socket.write(list.slice(10)))
      })
      await delay(200)
      system.shiftClock(hourMs)
      // Longer than the transport takes to look for bodies that are late.
      await delay(2_500)
      for (const send of rest) send()
      await until(() => crowd.open === 0, 5_000)
      assert.deepEqual([...crowd.answers], [['HTTP/1.1 200 OK', 5]])
    },
    async end({ system }) {
      crowd.leave()
      system.shiftClock(0)
    },
  }
}

// --- signals ----------------------------------------------------------------------------------------------------------------------------

/** So that calls are open when the signal comes. */
async function slowDown({ system, targets }: Scene): Promise<void> {
  await setProxies(system, targets, 'slow')
  await delay(500)
}

function sigkill(): Fault {
  let inFlight = 0
  return {
    ...{ name: 'SIGKILL in the middle of calls', start: usual, seconds: 0, affects: 'all', harms: true },
    async begin(scene) {
      const { system, ledger } = scene
      await slowDown(scene)
      inFlight = ledger.entries.filter(({ outcome }) => outcome === undefined).length
      assert.ok(inFlight > 0, 'no call is open')
      assert.equal(await system.stop('SIGKILL'), null)
    },
    async end(scene) {
      const { system, targets, ledger } = scene
      await setProxies(system, targets, 'pass')
      const entries = ledger.entries.filter(({ trail }) => trail === ledger.trail)
      const { missing, withoutIntent, open } = compare(entries, system.records(), ledger.prefix)
      // Of calls that a full disk left without an outcome, the faults before have said so.
      assert.equal(withoutIntent, 0)
      const { stdout } = await system.verify()
      assert.match(stdout, /note: .*killed/)
      assert.ok(open <= inFlight + missing, `${open} calls have no outcome in the trail, ${inFlight} were open`)
      await system.start(system.started)
    },
    async check({ system }) {
      assert.match((await system.verify()).stdout, /note: .*killed/)
    },
  }
}

function sigterm(): Fault {
  return {
    ...{ name: 'SIGTERM in the middle of calls', start: usual, seconds: 0, affects: 'all', harms: true },
    async begin(scene) {
      await slowDown(scene)
      assert.equal(await scene.system.stop('SIGTERM'), 0)
    },
    async end({ system, targets }) {
      await setProxies(system, targets, 'pass')
      await system.start(system.started)
    },
  }
}
