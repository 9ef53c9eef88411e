// The browser's processes as Linux lists them: a process group of its own, whose memory is added up and whose end can be seen.
import { readdirSync, readFileSync } from 'node:fs'

interface Entry {
  readonly pid: number

  readonly group: number
}

/** The group of a process; undefined when it has ended. */
export function groupOf(pid: number): number | undefined {
  return read(pid)?.group
}

/** Every process of the group that runs. One that has ended and waits for its parent to notice holds nothing any more. */
export function membersOf(group: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    const entry = /^\d+$/.test(name) ? read(Number(name)) : undefined
    return entry?.group === group ? [entry.pid] : []
  })
}

/** Memory of the group in MB, without what its processes share: files and shared memory would count once for each. */
export function memoryOf(group: number): number {
  const pageBytes = 4_096
  let pages = 0
  for (const pid of membersOf(group)) {
    try {
      const [, resident = 0, shared = 0] = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ').map(Number)
      pages += resident - shared
    } catch {
      // ended just now
    }
  }
  return (pages * pageBytes) / 1_000_000
}

/** Ends the whole group at once. */
export function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // there is nobody left in it
  }
}

function read(pid: number): Entry | undefined {
  try {
    // `pid (name) state parent group …`; the name may hold spaces and brackets (proc(5)).
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, , group] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' ? undefined : { pid, group: Number(group) }
  } catch {
    return undefined
  }
}
