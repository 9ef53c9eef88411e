// The version of a browser that is not running: asked once by running `--version`.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { FoundBrowser } from './find-browser.ts'

const known = new Map<string, string>() // one entry for each path that was ever found: a handful
const versionTimeoutMs = 4_000

/** Prints and ends; no browser is started. `unknown` when it does not answer. */
export async function versionOf({ path, version }: FoundBrowser, signal: AbortSignal): Promise<string> {
  if (version !== undefined) return version
  const before = known.get(path)
  if (before !== undefined) return before
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], {
      env: { PATH: process.env.PATH ?? '' },
      timeout: versionTimeoutMs,
      signal,
    })
    const found = /\d+(\.\d+)+/.exec(stdout)?.[0] ?? 'unknown'
    known.set(path, found)
    return found
  } catch {
    return 'unknown'
  }
}
