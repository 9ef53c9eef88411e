// The lines of audit files, for the commands that read them.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

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
