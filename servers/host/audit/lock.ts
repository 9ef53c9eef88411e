// Keeps a second process from writing the same audit file: records of two processes in one file are no chain.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { linkSync, renameSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../kit/definition.ts'

const answerLimitMs = 1_000
/** Two processes may find the lock of a dead one at the same time; after this time the later one has it. */
const settleMs = 200
const maxOwnerChars = 200
/** unix(7): 108 bytes with the NUL. Node would cut a longer path. */
const maxSocketPath = 107

/**
 * Locks the file until this process ends, by a Unix socket `FILE.lock` that it listens on. The kernel closes it however the process ends, and
 * whoever connects sees whether somebody listens, also in another container with the same volume. Processes on other machines (NFS) are not seen.
 * Returns the problem when another process has the file.
 */
export async function lockAudit(file: string, log: Log): Promise<string | undefined> {
  const lock = `${file}.lock`
  const me = `process ${process.pid} on ${hostname()}, ${randomBytes(4).toString('hex')}`
  const own = `${lock}.${randomBytes(2).toString('hex')}` // Node removes the path that it listened on, which must not be another's lock
  let server: Server | undefined
  try {
    if (Buffer.byteLength(own) > maxSocketPath) throw new Error(`the path of a lock has at most ${maxSocketPath} bytes`)
    server = createServer((socket) => socket.on('error', () => {}).end(me))
    await once(server.listen(own).unref(), 'listening')
    server.on('error', () => {}) // a connection that cannot be accepted concerns only who asks
    let owner = takeFree(own, lock) ? me : await ownerOf(lock)
    if (owner === undefined) {
      renameSync(own, lock)
      await delay(settleMs)
      owner = await ownerOf(lock)
    }
    if (owner === me) {
      process.once('exit', () => removeLock(lock))
      return undefined
    }
    server.close()
    return `AUDIT_FILE: ${file} is written by ${(owner ?? 'another process').replace(/, \w+$/, '')}; give each process a file of its own`
  } catch (error) {
    server?.close()
    // A folder that cannot hold a socket; whether it can hold the file is found when that is opened.
    log.warn('the audit file is not locked: a second process that writes it would not be noticed', { file, error })
    return undefined
  }
}

/** The lock may be gone, or stay because its disk is read-only by now: then the next process takes it over. */
function removeLock(lock: string): void {
  try {
    unlinkSync(lock)
  } catch {
    // thrown in a listener of `exit`, the error would change the exit code
  }
}

/** False when there is a lock, of a process that lives or of one that is dead. */
function takeFree(own: string, lock: string): boolean {
  try {
    linkSync(own, lock)
    unlinkSync(own)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** What the process that listens says of itself; undefined when none listens. */
function ownerOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(path).setEncoding('utf8')
    socket.setTimeout(answerLimitMs, () => socket.destroy())
    socket.on('data', (chunk) => {
      text = `${text}${chunk}`.slice(0, maxOwnerChars)
    })
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(undefined)
    })
    socket.on('close', () => resolve(text === '' ? 'a process that does not answer' : text))
  })
}
