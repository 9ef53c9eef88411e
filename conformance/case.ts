// What a case is: the address of a requirement, its level, where it applies, and one function that tests it.
import type { Context } from './client/context.ts'
import type { Need } from './needs.ts'
import { isWithin, type Revision, specificationUrl, type TransportName } from './revisions.ts'
import type { Level } from './types.ts'

export interface Case {
  /** `<specification page>/<section anchor>/<slug>`: an address, so that a prefix selects and the URL can be derived. */
  readonly id: string
  readonly level: Level
  /** First and last revision it applies to. */
  readonly since?: Revision
  readonly until?: Revision
  /** Transport it applies to. Default: both. */
  readonly transport?: TransportName
  /** The requirement, in the words of the specification or in ours where those are long. */
  readonly quote: string
  /** For `INTEROP`: the client that breaks, and how. */
  readonly breaks?: string
  /** What it needs from the target. Unmet needs are skips with a reason. */
  readonly needs?: readonly Need[]
  /** What it also makes use of, where the target has it. */
  readonly uses?: readonly Need[]
  /** It says the same whatever revision was negotiated: the newest of a run, with and without sessions, is enough. */
  readonly once?: true
  /** It waits for a keep-alive interval: only with `--slow`. */
  readonly slow?: true
  /** It checks what the other cases saw, or calls tools that may refuse it beside other calls: it runs after them, alone. */
  readonly last?: true
  run(t: Context): unknown
}

export function appliesTo(item: Case, revision: Revision, transport: TransportName): boolean {
  return isWithin(revision, item.since, item.until) && (item.transport === undefined || item.transport === transport)
}

export function addressOf(item: Case, revision: Revision): string {
  const parts = item.id.split('/')
  const [page, section] = [parts.slice(0, -2).join('/'), parts.at(-2) ?? '']
  return specificationUrl(revision, page, section)
}
