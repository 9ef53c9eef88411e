// The browser's process group as Linux lists it: its members, their memory, and how to kill it.
import { readdirSync, readFileSync } from 'node:fs'

/** The group of a process; undefined when it has ended, or is a zombie, which uses no memory. */
export function groupOf(pid: number): number | undefined {
  try {
    // `pid (name) state parent group …`; the name may hold spaces and brackets (proc(5)).
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, , group] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' ? undefined : Number(group)
  } catch {
    return undefined
  }
}

/** Running processes of the group. */
export function membersOf(group: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => groupOf(pid) === group)
}

/**
 * Memory of the group in MB that cannot be given back, shared memory included: pictures of pages lie in it. What processes share counts
 * once (proc(5), smaps_rollup); pages of files do not count.
 */
export function memoryOf(group: number): number {
  let kiB = 0
  for (const pid of membersOf(group)) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
      for (const [, size] of text.matchAll(/^Pss_(?:Anon|Shmem):\s+(\d+)/gm)) kiB += Number(size)
    } catch {
      // ended just now
    }
  }
  return (kiB * 1_024) / 1_000_000
}

/** Ends the whole group at once. @throws Error for 0 and 1, which mean our own group and every process (kill(2)) */
export function killGroup(group: number): void {
  if (!(group > 1)) throw new Error(`no process group: ${group}`)
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // all have ended
  }
}
