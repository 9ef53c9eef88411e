// Runs the command to its end in a folder of the test's own, with no variable of the machine.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cleanEnv, type Ended } from '../../../test/helpers/child.ts'

/** Absolute, so that they are found from every working directory. */
export const octetCommand = ['--import', import.meta.resolve('tsx'), fileURLToPath(new URL('../octet.ts', import.meta.url))]

export function runOctet(args: readonly string[], cwd: string, env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...octetCommand, ...args], { cwd, env: cleanEnv(env) }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })
}

export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'octet-cli-'))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
