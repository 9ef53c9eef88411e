// Who has which page, and how browsers begin and end: sessions, crashes, idleness, limits, and that nothing is left behind.
import assert from 'node:assert/strict'
import type { EventEmitter } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Context } from '../../../protocol/index.ts'
import { startChild } from '../../../test/helpers/child.ts'
import { answerOf, withTools } from '../../../test/helpers/tool-client.ts'
import { postJson } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { killGroup, membersOf, memoryOf } from '../lib/processes.ts'
import type { TestBrowser } from './browsers.ts'
import { pages, type Setup, type Site, type Wire, withSite, withWire } from './client.ts'

/** Four full-page images at once take a minute on a busy machine. */
const timeoutMs = 120_000
const waitMs = 15_000

/** Waits for a state, at most fifteen seconds. */
async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + waitMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not reached: ${what}`)
    await delay(20)
  }
}

/** Processes that were started with this text in their environment, zombies of the group included. */
function processesOf(marker: string): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return (
        /^\d+$/.test(name) && Number(name) !== process.pid && readFileSync(`/proc/${name}/environ`, 'latin1').includes(marker)
      )
    } catch {
      return false // ended just now
    }
  })
}

function zombiesOf(group: number): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1')
      const [state, , itsGroup] = text.slice(text.lastIndexOf(')') + 2).split(' ')
      return state === 'Z' && Number(itsGroup) === group
    } catch {
      return false
    }
  })
}

/** Runs `use` with a temporary folder of its own, which the browser's files go to, and finds it empty afterwards. */
async function withTemp(use: (folder: string) => Promise<void>): Promise<void> {
  const { TMPDIR } = process.env
  const folder = mkdtempSync(join(tmpdir(), 'octet-life-'))
  process.env.TMPDIR = folder
  try {
    await use(folder)
    assert.deepEqual(readdirSync(folder), [])
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
    rmSync(folder, { recursive: true, force: true })
  }
}

const tall = `<title>Home</title><body style="margin:0"><canvas id=c width=1280 height=2000></canvas><div style="height:6000px;background:linear-gradient(red,blue)"></div><script>
  const picture = c.getContext('2d').createImageData(1280, 2000)
  let seed = 1; for (let i = 0; i < picture.data.length; i++) { seed = seed * 16807 % 2147483647; picture.data[i] = i % 4 === 3 ? 255 : seed % 256 }
  c.getContext('2d').putImageData(picture, 0, 0)</script>`

const counting = {
  '/tall': tall,
  '/': '<title>Home</title><p id=x>x</p>',
  '/in': (_req: unknown, res: { writeHead(status: number, headers: object): { end(text: string): void } }) =>
    res.writeHead(200, { 'content-type': 'text/html', 'set-cookie': 'who=me' }).end('<title>In</title>'),
}

/** @throws AssertionError when no browser runs: 0 in its place would mean this process's own group (kill(2)) */
function groupOfBrowser({ backend }: Wire): number {
  const group = backend.keeper.running?.group
  assert.ok(group !== undefined, 'no browser runs')
  return group
}

export function lifeTests(browser: TestBrowser): void {
  const life = (name: string, use: (wire: Wire, site: Site) => Promise<void>, setup: Setup = {}): void =>
    test.unless(browser.skip)(
      `${browser.name}: ${name}`,
      () =>
        withSite(pages(counting as Parameters<typeof pages>[0]), async (site) => {
          const path = await browser.path()
          await withTemp(async () => {
            const config = { PLAYWRIGHT_EXECUTABLE_PATH: path, PLAYWRIGHT_ALLOW_PRIVATE: [site.opening], ...setup.config }
            let group: number | undefined
            await withWire({ ...setup, config }, async (wire) => {
              await use(wire, site)
              group = wire.backend.keeper.running?.group
            })
            if (group === undefined) return
            const last = group
            assert.deepEqual(membersOf(last), [])
            await until('no zombies', () => zombiesOf(last).length === 0)
          })
        }),
      { timeoutMs },
    )

  const titleFor = async (wire: Wire, args: object = {}, who?: Parameters<Wire['call']>[2]): Promise<string> => {
    const { structured, text, isError } = await wire.call(
      'evaluate',
      { script: 'document.title + document.cookie', ...args },
      who,
    )
    return isError ? text : structured.json
  }

  life('a page is kept by token, user and session, and by nothing else', async (wire, { url }) => {
    const users = [{}, { user: 'ada' }, { user: 'grace' }, { token: 'token-two' }]
    await wire.call('navigate', { url: `${url}/in` })
    assert.equal(await titleFor(wire), '"Inwho=me"')
    for (const who of users.slice(1)) {
      assert.match(
        await titleFor(wire, {}, who),
        /^ERROR INVALID_ARGUMENT: no page is open in session "default"\. TRY: call navigate first/,
      )
      await wire.call('navigate', { url }, who)
      assert.equal(await titleFor(wire, {}, who), '"Home"', 'and no cookies of another')
    }
    assert.equal(await titleFor(wire), '"Inwho=me"', 'untouched by the others')
    assert.match(
      await titleFor(wire, { session: 'other' }),
      /^ERROR INVALID_ARGUMENT: no page is open in session "other"; open are "default"\. TRY/,
    )
    // A name cannot be made to look like another's owner.
    assert.match(await titleFor(wire, { session: 'default"]' }), /^ERROR INVALID_ARGUMENT: no page/)
    assert.equal(wire.backend.sessions.count, 4)
    const ready = await wire.backend.probe(AbortSignal.timeout(5_000))
    assert.deepEqual([ready.running, ready.contexts, ready.path], [true, 4, await browser.path()])
    assert.match(String(ready.version), /^\d+\.\d+/)
  })

  life('nothing is started before it is needed, and the state is told without starting it', async (wire) => {
    const ready = await wire.backend.probe(AbortSignal.timeout(5_000))
    assert.deepEqual([ready.browser, ready.running, ready.contexts], ['configured', false, 0])
    assert.match(String(ready.version), /^\d+\.\d+|^unknown$/)
    assert.match((await wire.call('screenshot')).text, /^ERROR INVALID_ARGUMENT: no page/)
    assert.equal(wire.backend.keeper.running?.group, undefined)
  })

  life('the calls of a session run one after the other, and no more than eight wait', async (wire, { url }) => {
    await wire.call('navigate', { url })
    const script =
      'window.n = (window.n ?? 0) + 1; const mine = window.n; await new Promise((done) => setTimeout(done, 300)); return mine === window.n'
    const answers = await Promise.all(Array.from({ length: 12 }, () => wire.call('evaluate', { script })))
    const refused = answers.filter(({ text }) => /^ERROR RATE_LIMITED: 8 calls are waiting for session "default"/.test(text))
    assert.equal(refused.length, 3)
    assert.equal(answers.filter(({ structured }) => structured.json === 'true').length, 9)
    const slow = wire.call('evaluate', { script: 'new Promise((done) => setTimeout(() => done(1), 3000))' })
    await wire.call('navigate', { url, session: 'beside' })
    assert.equal(await titleFor(wire, { session: 'beside' }), '"Home"', 'another session does not wait')
    await slow
  })

  life('a call that was given up frees its session', ({ tools }, { url }) =>
    withTools({ name: 'playwright', tools }, async (client) => {
      await client.call('navigate', { url })
      for (const [tool, args] of [
        ['wait_for_selector', { selector: '#never', timeout_ms: 45_000 }],
        ['click', { selector: '#never', timeout_ms: 30_000 }],
        ['evaluate', { script: 'new Promise(() => {})', timeout_ms: 30_000 }],
      ] as const) {
        await client.start(tool, args).cancel()
        const began = performance.now()
        assert.equal((await client.call('evaluate', { script: 'document.title' })).data, '"Home"')
        assert.ok(performance.now() - began < 15_000, tool)
      }
    }),
  )

  life(
    'the session that was unused longest gives way, and its owner is told',
    async (wire, { url }) => {
      for (const session of ['a', 'b']) await wire.call('navigate', { url, session })
      assert.equal(await titleFor(wire, { session: 'a' }), '"Home"')
      await wire.call('navigate', { url, session: 'c' })
      assert.equal(wire.backend.sessions.count, 2)
      assert.match(
        await titleFor(wire, { session: 'b' }),
        /no page is open in session "b": other sessions needed its slot; open are "a", "c"/,
      )
      const again = await wire.call('navigate', { url, session: 'b' })
      assert.match(again.text, /NOTE: an earlier page of this session is lost, with its sign-ins: other sessions needed its slot/)
      // Both at work: nobody gives way.
      const busy = ['c', 'b'].map((session) =>
        wire.call('evaluate', { script: 'new Promise((done) => setTimeout(done, 2500))', session }),
      )
      await delay(300)
      assert.match(
        (await wire.call('navigate', { url, session: 'd' })).text,
        /^ERROR RATE_LIMITED: all 2 browser sessions are running calls/,
      )
      await Promise.all(busy)
    },
    { config: { PLAYWRIGHT_MAX_CONTEXTS: 2 } },
  )

  life(
    'an unused session ends, then the browser does, and both come back',
    async (wire, { url }) => {
      await wire.call('navigate', { url })
      const group = groupOfBrowser(wire)
      assert.ok(membersOf(group).length > 1)
      await until('the session ended', () => wire.backend.sessions.count === 0)
      await until('the browser ended', () => wire.backend.keeper.running?.group === undefined && membersOf(group).length === 0)
      await until('no zombies', () => zombiesOf(group).length === 0)
      assert.match(await titleFor(wire), /no page is open in session "default": it was unused for too long/)
      await until('its folders are removed', () => readdirSync(process.env.TMPDIR ?? '').length === 0)
      assert.match((await wire.call('navigate', { url })).text, /HTTP 200/)
    },
    { config: { PLAYWRIGHT_CONTEXT_TTL_SECONDS: 1, PLAYWRIGHT_IDLE_SECONDS: 1 } },
  )

  life('a browser that was killed is replaced, and the loss is told', async (wire, { url }) => {
    await wire.call('navigate', { url })
    const group = groupOfBrowser(wire)
    killGroup(group)
    await until('the crash is known', () => wire.backend.keeper.running?.group === undefined)
    assert.match(
      await titleFor(wire),
      /^ERROR INVALID_ARGUMENT: no page is open in session "default": the browser crashed\. TRY: call navigate first/,
    )
    const again = await wire.call('navigate', { url })
    assert.match(
      again.text,
      /HTTP 200[\s\S]*NOTE: an earlier page of this session is lost, with its sign-ins: the browser crashed/,
    )
    assert.notEqual(wire.backend.keeper.running?.group, group)
    await until('no zombies of the first', () => zombiesOf(group).length === 0 && membersOf(group).length === 0)
  })

  life('a browser that is killed during a call: navigate begins again, others say so', async (wire, { url }) => {
    await wire.call('navigate', { url })
    const waiting = wire.call('wait_for_selector', { selector: '#never', timeout_ms: 20_000 })
    await delay(300)
    killGroup(groupOfBrowser(wire))
    assert.match((await waiting).text, /^ERROR UPSTREAM_ERROR: the browser crashed, and the page is lost\. TRY: call navigate/)
    assert.match((await wire.call('navigate', { url })).text, /HTTP 200/)
  })

  life('navigations leave no listener on the page', async ({ backend, call }, { url }) => {
    const listeners = (): Promise<number> =>
      backend.sessions.use(
        { caller: { principal: 'one' }, signal: new AbortController().signal } as Context,
        {},
        async ({ page }) => (page as unknown as EventEmitter).listenerCount('download'),
      )
    for (const path of ['', '/in', '']) await call('navigate', { url: `${url}${path}` })
    assert.equal(await listeners(), 1, 'the one of the session')
  })

  life('a page whose process is killed is replaced in the same session', async (wire, { url }) => {
    await wire.call('navigate', { url: `${url}/in` })
    for (const pid of membersOf(groupOfBrowser(wire))) {
      if (readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('--type=renderer')) process.kill(pid, 'SIGKILL')
    }
    await delay(300)
    const lost = await titleFor(wire)
    assert.match(lost, /^ERROR (INVALID_ARGUMENT: no page|UPSTREAM_ERROR: the page was closed or crashed|TIMEOUT)/)
    const again = await wire.call('navigate', { url })
    assert.match(again.text, /HTTP 200/)
    assert.equal(await titleFor(wire), '"Homewho=me"', 'with its cookies')
  })

  life(
    'a browser that has grown is replaced between two calls',
    async (wire, { url }) => {
      await wire.call('navigate', { url })
      const group = wire.backend.keeper.running?.group
      const again = await wire.call('navigate', { url })
      assert.match(
        again.text,
        /NOTE: an earlier page of this session is lost, with its sign-ins: the browser was replaced to bound its memory/,
      )
      assert.notEqual(wire.backend.keeper.running?.group, group)
    },
    { config: { PLAYWRIGHT_MAX_RSS_MB: 1 } },
  )

  life('calls that come while a browser is replaced get the next one', async (wire, { url }) => {
    const sessions = ['a', 'b', 'c', 'd']
    for (const session of sessions) await wire.call('navigate', { url, session })
    wire.backend.keeper.navigations = 200
    const calls = [wire.call('navigate', { url, session: 'a' })]
    await until('the sessions are lost', () => wire.backend.sessions.count === 0)
    calls.push(...sessions.slice(1).map((session) => wire.call('navigate', { url, session })))
    for (const { text } of await Promise.all(calls)) assert.match(text, /HTTP 200/)
  })

  // The default; the whole browser holds twice as much as the shell, which is what images carry.
  const room = browser.name === 'chromium' ? 1_200 : 600
  life(
    'four people who photograph whole pages at once get their pictures, and the browser stays within its memory',
    async (wire, { url }) => {
      let most = 0
      const watch = setInterval(() => (most = Math.max(most, memoryOf(wire.backend.keeper.running?.group ?? 0))), 25)
      try {
        await Promise.all(
          ['a', 'b', 'c', 'd'].map(async (session) => {
            for (let round = 1; round <= 2; round++) {
              const opened = await wire.call('navigate', { url: `${url}/tall`, session })
              assert.match(opened.text, /HTTP 200/)
              assert.doesNotMatch(opened.text, /is lost/)
              const { text, blocks } = await wire.call('screenshot', { full_page: true, session })
              assert.equal(blocks[1]?.type, 'image', text)
            }
          }),
        )
      } finally {
        clearInterval(watch)
      }
      assert.ok(most > 50 && most < room, `${Math.round(most)} MB`)
    },
    { config: { PLAYWRIGHT_MAX_RSS_MB: room } },
  )

  life(
    'a large picture is refused where there is no memory for it, and the page stays',
    async (wire, { url }) => {
      await wire.call('navigate', { url: `${url}/tall` })
      assert.match(
        (await wire.call('screenshot', { full_page: true })).text,
        /^ERROR TOO_LARGE: the browser has no memory left for an image of this size\. TRY: the same call without full_page/,
      )
      assert.equal((await wire.call('screenshot')).blocks[1]?.type, 'image')
      assert.equal(await titleFor(wire), '"Home"')
    },
    { config: { PLAYWRIGHT_MAX_RSS_MB: 1 } },
  )

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test.unless(browser.skip)(
      `${browser.name}: a server that is ended (${signal}) leaves no process and no file, and what was typed is in no log`,
      () =>
        withSite(pages({ '/': '<title>Home</title><input name=pw type=password>' }), async (site) => {
          const folder = mkdtempSync(join(tmpdir(), 'octet-end-'))
          const env = {
            TMPDIR: folder,
            PLAYWRIGHT_EXECUTABLE_PATH: await browser.path(),
            PLAYWRIGHT_ALLOW_PRIVATE: site.opening,
            LOG_LEVEL: 'debug',
          }
          const child = await startChild('servers/cli/octet.ts', ['serve', 'playwright'], env)
          try {
            const call = async (name: string, args: object) =>
              answerOf(
                (
                  await postJson(
                    `${child.url}/mcp`,
                    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } },
                    { Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2025-11-25' },
                  )
                ).json(),
              )
            assert.match((await call('navigate', { url: site.url })).text, /HTTP 200/)
            for (const name of ['value', 'text']) {
              const typed = await call('fill', { selector: 'input', [name]: 'hunter2-very-secret' })
              assert.match(typed.data, /^typed 19 characters/)
              assert.ok(!typed.text.includes('hunter2'))
            }
            assert.ok(processesOf(folder).length > 2)
            assert.ok(readdirSync(folder).length > 0)
            assert.equal(await child.stop(signal), 0)
            const said = child.stdout() + child.stderr()
            assert.match(said, /"tool":"fill"/)
            assert.ok(!said.includes('hunter2'))
            await until('no process is left', () => processesOf(folder).length === 0)
            assert.deepEqual(
              readdirSync(folder).filter((name) => !name.startsWith('tsx-')),
              [],
            )
          } finally {
            if (child.process.exitCode === null) await child.stop('SIGKILL')
            rmSync(folder, { recursive: true, force: true })
          }
        }),
      { timeoutMs },
    )
  }
}
