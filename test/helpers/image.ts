// How the image starts a server, read from docker/Dockerfile: what is measured is what runs.
import { readFileSync } from 'node:fs'

const dockerfile = readFileSync(new URL('../../docker/Dockerfile', import.meta.url), 'utf8')

function found(pattern: RegExp): string {
  const [, text] = pattern.exec(dockerfile) ?? []
  if (text === undefined) throw new Error(`docker/Dockerfile has nothing like ${pattern}`)
  return text
}

/** Flags for Node, without the size of the heap, which compose.yaml sets for each server. */
export const imageFlags = (JSON.parse(found(/^ENTRYPOINT (\[.*\])$/m)) as string[]).filter((argument) =>
  argument.startsWith('--'),
)
/** Variables of the image that change its memory. */
export const imageEnv = { MALLOC_ARENA_MAX: found(/MALLOC_ARENA_MAX=(\d+)/) }
