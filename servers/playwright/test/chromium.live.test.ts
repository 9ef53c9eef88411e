// Every suite on Debian's browsers.
import { attackTests } from './attacks.ts'
import { chromium, headlessShell } from './browsers.ts'
import { lifeTests } from './life.ts'
import { workTests } from './work.ts'

for (const browser of [headlessShell, chromium]) {
  workTests(browser)
  lifeTests(browser)
  attackTests(browser)
}
