// Runs the commands of an administrator, which some machines have in folders that are not in everybody's PATH.
import { execFileSync } from 'node:child_process'

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }

/** Returns what it printed. @throws Error with what it printed to stderr */
export function adminCommand(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env })
}
