// Where the code for npm's browser is. From source it is dev/npm-browser.ts; a bundle loads dist/dev/npm-browser.cjs at first use, if it is
// there (scripts/bundle.ts replaces this file).
import * as npm from '../../../dev/npm-browser.ts'

/** Undefined in the published package, which does not use npm's browser. */
export function loadNpmBrowser(): typeof npm | undefined {
  return npm
}
