// Finds the Chromium to use without loading Playwright: configured, installed, Playwright's own, or npm's.
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { Remembered } from '../../kit/waiting.ts'
import type { PlaywrightConfig } from '../config.ts'
import { loadNpmBrowser } from './npm-browser-file.ts'

export interface FoundBrowser {
  readonly kind: 'configured' | 'installed' | "Playwright's own" | 'npm package'
  /** The executable; of the npm package the module that unpacks it. */
  readonly path: string
  /** Known beforehand only of the npm package. */
  readonly version?: string
  /** Of the npm package. Returns the executable. */
  unpack?(): Promise<string>
}

/** By name on PATH, first wins: the headless shell takes half the memory. */
const installedNames = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
/** Folders of Playwright's browsers without their revision, the preferred one first, and the programs in newer and older versions of them. */
const ownFolders = ['chromium_headless_shell-', 'chromium-']
const ownFiles = [
  'chrome-headless-shell-linux64/chrome-headless-shell',
  'chrome-headless-shell-linux-arm64/chrome-headless-shell',
  'chrome-linux/headless_shell',
  'chrome-linux64/chrome',
  'chrome-linux-arm64/chrome',
  'chrome-linux/chrome',
]

/** The browser to use; undefined when there is none, also when the configured one is not there: a wrong variable is never passed over. */
export function findBrowser(config: PlaywrightConfig): FoundBrowser | undefined {
  const configured = config.PLAYWRIGHT_EXECUTABLE_PATH
  if (configured !== undefined) return isExecutable(configured) ? { kind: 'configured', path: configured } : undefined
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const installed = installedNames.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable)
  if (installed !== undefined) return { kind: 'installed', path: installed }
  const own = ownPaths(config.PLAYWRIGHT_BROWSERS_PATH ?? join(homedir(), '.cache', 'ms-playwright')).find(isExecutable)
  return own === undefined ? loadNpmBrowser()?.npmBrowser() : { kind: "Playwright's own", path: own }
}

/** For the operator, when there is no browser. */
export function missingBrowser(config: PlaywrightConfig): string | undefined {
  if (findBrowser(config) !== undefined) return undefined
  return config.PLAYWRIGHT_EXECUTABLE_PATH === undefined
    ? 'no Chromium was found; install one, such as Debian\'s package "chromium-headless-shell", or set PLAYWRIGHT_EXECUTABLE_PATH'
    : 'PLAYWRIGHT_EXECUTABLE_PATH names no program that can be run'
}

/** Where Playwright's browsers may be, the newest revision of each kind first. */
function ownPaths(folder: string): string[] {
  const entries = existsSync(folder) ? readdirSync(folder) : []
  return ownFolders.flatMap((prefix) => {
    const revisions = entries.filter((name) => name.startsWith(prefix)).map((name) => Number(name.slice(prefix.length)))
    const newestFirst = revisions.filter(Number.isInteger).sort((a, b) => b - a)
    return newestFirst.flatMap((revision) => ownFiles.map((file) => join(folder, `${prefix}${revision}`, file)))
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

const versionTimeoutMs = 4_000
/** By path. The program prints its version and ends; no browser is started. */
const versions = new Remembered<string>({ keepMs: 3_600_000, maxEntries: 10 }, async (path, signal) => {
  const env = { PATH: process.env.PATH ?? '' }
  const { stdout } = await promisify(execFile)(path, ['--version'], { env, timeout: versionTimeoutMs, signal })
  return /\d+(\.\d+)+/.exec(stdout)?.[0] ?? 'unknown'
})

/** The version of a browser that is not running; `unknown` when it does not tell. */
export async function versionOf({ path, version }: FoundBrowser, signal: AbortSignal): Promise<string> {
  return version ?? versions.get(path, signal).catch(() => 'unknown')
}
