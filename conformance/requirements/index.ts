// The ledger of each revision: every sentence with MUST or SHOULD on the pages a tools-only server over HTTP must read, with the cases
// that cover it or the reason why none does. Coverage is therefore a number.
import { isWithin, REVISIONS, type Revision } from '../revisions.ts'
import { sections as basic } from './basic.ts'
import { sections as declared } from './declared.ts'
import { sections as patterns } from './patterns.ts'
import type { Requirement, Section } from './requirement.ts'
import { sections as serverUtilities } from './server-utilities.ts'
import { sections as streamableHttp } from './streamable-http.ts'
import { sections as tools } from './tools.ts'
import { sections as transports } from './transports.ts'
import { sections as utilities } from './utilities.ts'

const SECTIONS: readonly Section[] = [basic, transports, streamableHttp, utilities, patterns, tools, serverUtilities].flat()

const UNOBSERVABLE = 'unobservable: '

/** The sentences with MUST or SHOULD of one revision, in the order of its pages. */
export function ledger(revision: Revision): Requirement[] {
  return rows(SECTIONS, revision)
}

/** What one revision says without either word, as far as cases test it. */
export function declarations(revision: Revision): Requirement[] {
  return rows(declared, revision)
}

function rows(sections: readonly Section[], revision: Revision): Requirement[] {
  return sections.flatMap(({ page, section, sentences }) =>
    sentences
      .filter(([since, until]) => isWithin(revision, since, until))
      .map(([, , level, text, covered]) => ({
        page,
        section,
        level,
        text,
        ...(typeof covered === 'string' ? { cases: [], excluded: covered } : { cases: covered }),
      })),
  )
}

interface Coverage {
  /** Sentences in all. */
  sentences: number
  /** Those that bind a tools-only server over HTTP: the covered and the unobservable. */
  binding: number
  covered: number
  /** They bind the server, but nothing on the wire shows whether it obeys. */
  unobservable: number
  /** They bind clients, other transports, or features that such a server has not. */
  elsewhere: number
}

export function coverage(revision: Revision): Coverage {
  const all = ledger(revision)
  const covered = all.filter((item) => item.excluded === undefined).length
  const unobservable = all.filter((item) => item.excluded?.startsWith(UNOBSERVABLE)).length
  return {
    sentences: all.length,
    binding: covered + unobservable,
    covered,
    unobservable,
    elsewhere: all.length - covered - unobservable,
  }
}

/** One line for each revision. */
export function coverageText(): string {
  return REVISIONS.map((revision) => {
    const { sentences, binding, covered, unobservable, elsewhere } = coverage(revision)
    const percent = Math.round((100 * covered) / binding)
    return `${revision}: ${covered} of ${binding} sentences that bind the server are covered (${percent} %), ${unobservable} cannot be observed; ${elsewhere} of ${sentences} bind others\n`
  }).join('')
}
