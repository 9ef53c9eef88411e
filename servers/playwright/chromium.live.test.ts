// Every suite on Debian's browsers.
import { attackTests } from './testing/attacks.ts'
import { chromium, headlessShell } from './testing/browsers.ts'
import { lifeTests } from './testing/life.ts'
import { workTests } from './testing/work.ts'

for (const browser of [headlessShell, chromium]) {
  workTests(browser)
  lifeTests(browser)
  attackTests(browser)
}
