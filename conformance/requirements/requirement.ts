// What a row of the ledger is: a sentence of the specification, and the cases that cover it or the reason why none does.
import type { Revision } from '../revisions.ts'

/** First and last revision it is in, its keyword, the sentence (cut where long), and what covers it. */
type Sentence = readonly [since: Revision, until: Revision, level: 'MUST' | 'SHOULD', text: string, covered: Covered]

/**
 * Beginnings of case ids; or why no case covers the sentence: it binds somebody else than a tools-only server over HTTP (`client`, or
 * what else it is about), or `unobservable: …`, when it does bind the server but cannot be seen from outside.
 */
export type Covered = readonly string[] | string

export interface Section {
  page: string
  section: string
  sentences: readonly Sentence[]
}

export interface Requirement {
  page: string
  section: string
  level: 'MUST' | 'SHOULD'
  text: string
  /** Beginnings of case ids; empty when excluded. */
  cases: readonly string[]
  /** Why no case covers it. */
  excluded?: string
}
