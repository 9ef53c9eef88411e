// Verifies files of audit records as one chain: `octet audit verify`.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { type ChainEnd, type OpenRecord, openRecord } from './chain.ts'

export interface Verification {
  records: number
  problems: string[]
  /** Where a process was killed or crashed, so that calls in flight may have no record of their end. */
  notes: string[]
  /** Hash of the last good record: compare it with what `/ready` or `/metrics` shows, to see whether the end was cut off. */
  head: ChainEnd | undefined
}

const maxProblems = 20
const maxNotes = 100

/**
 * Verifies files as one chain, oldest first (`audit.jsonl.2`, `audit.jsonl.1`, `audit.jsonl`).
 * @throws UnreadableFile
 */
export async function verifyAudit(files: readonly string[], key: string | undefined): Promise<Verification> {
  const ends = new ProcessEnds()
  const found: Verification = { records: 0, problems: [], notes: ends.notes, head: undefined }
  const { problems } = found
  for (const file of files) {
    let number = 0
    for await (const line of linesOf(file)) {
      number += 1
      if (problems.length >= maxProblems) return found
      if (line === '') continue
      const at = `${file}:${number}`
      const record = openRecord(line, key)
      if (record === undefined) {
        problems.push(`${at}: not a record of this chain, or altered${key === undefined ? '' : ' (or sealed with another key)'}`)
        continue
      }
      const { hash, seq, prev, type } = record
      const { head } = found
      // The first record that is left may continue files that were rotated away.
      if (head !== undefined && prev !== head.hash)
        problems.push(`${at}: record ${seq} does not follow record ${head.seq}: records are missing, added or out of order`)
      if (type === 'lost')
        problems.push(`${at}: records missing before this one, because they could not be written: ${record.records}`)
      ends.add(record, at)
      found.records += 1
      found.head = { hash, seq }
    }
  }
  ends.finish()
  return found
}

/** The file could not be read, which says nothing about the records in it. */
export class UnreadableFile extends Error {}

/** @throws UnreadableFile */
export async function* linesOf(file: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })
  } catch (error) {
    throw new UnreadableFile(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

/** Finds processes that ended without a record `stop`, and calls that have an `intent` and no outcome. */
class ProcessEnds {
  readonly notes: string[] = []
  #isRunning = false
  /** Calls that have begun: their intents, less their outcomes. */
  readonly #open = new Map<string, number>()

  add({ type, server, tool, session8, rpc_id, args_sha256 }: OpenRecord, at: string): void {
    if (type === 'start' && this.#isRunning)
      this.#note(`${at}: the process before was killed or crashed: it wrote no stop record`)
    if (type === 'stop' && this.#open.size > 0) this.#note(`${at}: the process stopped before its calls had ended`)
    this.#isRunning = type !== 'stop'
    if (type !== 'intent' && type !== 'tool_call') return
    const call = JSON.stringify([server, tool, session8, rpc_id, args_sha256])
    const open = (this.#open.get(call) ?? 0) + (type === 'intent' ? 1 : -1)
    if (open > 0) this.#open.set(call, open)
    else this.#open.delete(call)
  }

  finish(): void {
    if (this.#isRunning) this.#note('the last process still runs, or was killed: it wrote no stop record')
  }

  #note(what: string): void {
    const calls = [...this.#open.values()].reduce((sum, open) => sum + open, 0)
    this.#open.clear()
    if (this.notes.length < maxNotes) this.notes.push(`${what}; ${calls} calls that had begun have no outcome`)
  }
}
