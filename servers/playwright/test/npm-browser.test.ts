// Which browser is found, and every suite on the browser that npm brings.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from '../../../test/runner/harness.ts'
import type { PlaywrightConfig } from '../config.ts'
import { findBrowser, missingBrowser } from '../lib/find-browser.ts'
import { enterFrames, framePrefix } from '../lib/frames.ts'
import { attackTests } from './attacks.ts'
import { npmBrowser } from './browsers.ts'
import { configOf, pages, withSite, withWire } from './client.ts'
import { lifeTests } from './life.ts'
import { pageTests } from './pages.ts'
import { workTests } from './work.ts'

const program = fileURLToPath(import.meta.url)

/** A home with these executables, relative to it. */
function withHome(files: readonly string[], use: (home: string) => void): void {
  const home = mkdtempSync(join(tmpdir(), 'octet-find-'))
  const { PATH, HOME } = process.env
  const [, running = ''] = process.argv
  try {
    for (const file of files) {
      mkdirSync(dirname(join(home, file)), { recursive: true })
      writeFileSync(join(home, file), '#!/bin/sh\n', { mode: 0o755 })
    }
    process.env.HOME = home
    use(home)
  } finally {
    Object.assign(process.env, { PATH, HOME: HOME ?? '' })
    if (HOME === undefined) delete process.env.HOME
    process.argv[1] = running
    rmSync(home, { recursive: true })
  }
}

/** The browser that a program finds with this PATH; the program says where npm packages are looked for. */
function find(path: string, from: string, config: Partial<PlaywrightConfig> = {}) {
  process.env.PATH = path
  process.argv[1] = from
  return findBrowser(configOf(config))
}

test('a browser is looked for on the machine, then among those of Playwright, then among npm packages', () => {
  const own = '.cache/ms-playwright'
  const files = [
    'bin/chromium',
    `${own}/chromium-1255/chrome-linux64/chrome`,
    `${own}/chromium_headless_shell-1200/chrome-linux/headless_shell`,
    `${own}/chromium_headless_shell-999/chrome-linux/headless_shell`,
  ]
  withHome(files, (home) => {
    const elsewhere = '/nowhere/x'
    assert.deepEqual(find(`/nonexistent:${home}/bin`, elsewhere), { kind: 'installed', path: `${home}/bin/chromium` })
    assert.deepEqual(find('', elsewhere), {
      kind: "Playwright's own",
      path: `${home}/${own}/chromium_headless_shell-1200/chrome-linux/headless_shell`,
    })
    rmSync(join(home, own, 'chromium_headless_shell-1200'), { recursive: true })
    rmSync(join(home, own, 'chromium_headless_shell-999'), { recursive: true })
    assert.deepEqual(find('', elsewhere), {
      kind: "Playwright's own",
      path: `${home}/${own}/chromium-1255/chrome-linux64/chrome`,
    })
    const empty = { PLAYWRIGHT_BROWSERS_PATH: join(home, 'empty') }
    assert.equal(find('', elsewhere, empty), undefined)
    const npm = find('', program, empty)
    assert.deepEqual([npm?.kind, npm?.version?.split('.')[0]], ['npm package', '147'])
    assert.match(npm?.path ?? '', /@sparticuz\/chromium/)
  })
})

test('the headless shell is preferred to the whole browser', () =>
  withHome(['a/chromium', 'b/chromium-headless-shell'], (home) => {
    assert.equal(find(`${home}/a:${home}/b`, program)?.path, `${home}/b/chromium-headless-shell`)
  }))

test('a configured browser that cannot be run is told, and never passed over', () =>
  withHome(['plain/chromium'], (home) => {
    assert.deepEqual(findBrowser(configOf({ PLAYWRIGHT_EXECUTABLE_PATH: `${home}/plain/chromium` })), {
      kind: 'configured',
      path: `${home}/plain/chromium`,
    })
    for (const path of [`${home}/none`, `${home}/plain`, program]) {
      assert.equal(findBrowser(configOf({ PLAYWRIGHT_EXECUTABLE_PATH: path })), undefined)
      assert.equal(
        missingBrowser(configOf({ PLAYWRIGHT_EXECUTABLE_PATH: path })),
        'PLAYWRIGHT_EXECUTABLE_PATH names no program that can be run',
      )
    }
  }))

test('selectors enter the frames that they name, and nothing else is changed', () => {
  const enter = 'internal:control=enter-frame'
  for (const same of [
    '#id',
    'a >> nth=1',
    'role=button[name="x >> iframe"]',
    'div.iframe >> a',
    'iframe-like >> a',
    'text=iframe',
    'iframe',
  ]) {
    assert.equal(enterFrames(same), same)
  }
  assert.equal(enterFrames('iframe#pay >> input'), `iframe#pay >> ${enter} >> input`)
  assert.equal(
    enterFrames('div > iframe[title="a > b"]>>nth=0 >> a >> b'),
    `div > iframe[title="a > b"] >> nth=0 >> ${enter} >> a >> b`,
  )
  assert.equal(enterFrames('frame[name=a] >> iframe >> a'), `frame[name=a] >> ${enter} >> iframe >> ${enter} >> a`)
  assert.equal(enterFrames('iframe', true), `iframe >> ${enter} >> html`)
  assert.equal(framePrefix('frame[name=a] >> iframe >> nth=1 >> a >> b'), 'frame[name=a] >> iframe >> nth=1 >> ')
  assert.equal(framePrefix('iframe#pay'), 'iframe#pay >> ')
  assert.equal(framePrefix('main >> a'), '')
  const long = 'iframe'.repeat(300)
  assert.equal(enterFrames(long), long)
})

test(
  'without anything installed, the browser that npm has brought is unpacked and used',
  () =>
    withSite(pages({ '/': '<title>It works</title><p>text' }), async (site) => {
      const { PATH } = process.env
      process.env.PATH = dirname(process.execPath).replace('/usr/bin', '/nonexistent')
      try {
        await withWire(
          { config: { PLAYWRIGHT_ALLOW_PRIVATE: [site.opening], PLAYWRIGHT_BROWSERS_PATH: '/nonexistent' } },
          async (wire) => {
            const ready = await wire.backend.probe(AbortSignal.timeout(5_000))
            assert.deepEqual([ready.browser, ready.version, ready.running], ['npm package', '147.0.0', false])
            assert.match((await wire.call('navigate', { url: site.url })).text, /title: It works/)
            const running = await wire.backend.probe(AbortSignal.timeout(5_000))
            assert.match(String(running.version), /^147\.\d+\.\d+\.\d+$/)
            const { blocks } = await wire.call('screenshot')
            assert.equal(blocks[1]?.type, 'image')
          },
        )
      } finally {
        process.env.PATH = PATH
      }
    }),
  { timeoutMs: 60_000 },
)

workTests(npmBrowser)
pageTests(npmBrowser)
attackTests(npmBrowser)
lifeTests(npmBrowser)
