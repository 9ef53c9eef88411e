// Verifies files of audit records as one chain: `octet audit verify`.
import { type ChainEnd, openRecord } from './chain.ts'
import { linesOf } from './lines.ts'

export interface Verification {
  records: number
  problems: string[]
  /** Hash of the last good record: compare it with what `/ready` or `/metrics` shows, to see whether the end was cut off. */
  head: ChainEnd | undefined
}

const maxProblems = 20

/**
 * Verifies files as one chain, oldest first (`audit.jsonl.2`, `audit.jsonl.1`, `audit.jsonl`).
 * @throws UnreadableFile
 */
export async function verifyAudit(files: readonly string[], key: string | undefined): Promise<Verification> {
  const problems: string[] = []
  let head: ChainEnd | undefined
  let records = 0
  for (const file of files) {
    let number = 0
    for await (const line of linesOf(file)) {
      number += 1
      if (problems.length >= maxProblems) return { records, problems, head }
      if (line === '') continue
      const at = `${file}:${number}`
      const record = openRecord(line, key)
      if (record === undefined) {
        problems.push(`${at}: not a record of this chain, or altered${key === undefined ? '' : ' (or sealed with another key)'}`)
        continue
      }
      records += 1
      // The first record that is left may continue files that were rotated away.
      if (head !== undefined && record.prev !== head.hash) {
        problems.push(
          `${at}: record ${record.seq} does not follow record ${head.seq}: records are missing, added or out of order`,
        )
      }
      if (record.type === 'lost') problems.push(`${at}: records missing before this one, because they could not be written: ${record.records}`)
      head = { hash: record.hash, seq: record.seq }
    }
  }
  return { records, problems, head }
}
