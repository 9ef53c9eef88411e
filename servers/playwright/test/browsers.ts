// For tests: the browsers that the suites run with. The one from npm needs nothing installed; the others are Debian's.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBrowser } from '../lib/find-browser.ts'
import { unpackBrowser } from '../lib/unpack-browser.ts'

export interface TestBrowser {
  readonly name: string
  /** An executable for PLAYWRIGHT_EXECUTABLE_PATH. */
  path(): Promise<string>
  /** Why tests with it are skipped. */
  readonly skip: string | undefined
}

let wrapper: Promise<string> | undefined

export const npmBrowser: TestBrowser = {
  name: 'npm',
  skip: undefined,
  path: () => (wrapper ??= wrap()),
}

export const headlessShell = fromEnvironment('chromium-headless-shell', 'OCTET_TEST_CHROMIUM_HEADLESS_SHELL')
export const chromium = fromEnvironment('chromium', 'OCTET_TEST_CHROMIUM')

function fromEnvironment(name: string, variable: string): TestBrowser {
  const path = process.env[variable]
  return {
    name,
    skip: path === undefined ? `Debian's ${name} is not installed (${variable})` : undefined,
    path: async () => path ?? '',
  }
}

/** Its libraries and fonts come by the environment, which a path cannot hold: a script does. */
async function wrap(): Promise<string> {
  const found = findBrowser({}, { path: '', home: '/nonexistent', program: process.argv[1] ?? '' })
  if (found === undefined) throw new Error('@sparticuz/chromium is not installed: npm ci')
  const { executable, env } = await unpackBrowser(found.path)
  const folder = mkdtempSync(join(tmpdir(), 'octet-test-browser-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const script = join(folder, 'chromium')
  const assignments = Object.entries(env).map(([name, value]) => `${name}='${value}'`)
  writeFileSync(script, `#!/bin/sh\n${assignments.join(' ')} exec '${executable}' "$@"\n`)
  chmodSync(script, 0o755)
  return script
}
