// Where the sample database's program is. From source it is dev/sample.ts; a bundle loads dist/dev/sample.cjs at first use, if it is there
// (scripts/bundle.ts replaces this file).
import * as sample from '../../../dev/sample.ts'

/** Undefined in the published package, which has no sample database. */
export function loadSample(): typeof sample | undefined {
  return sample
}
