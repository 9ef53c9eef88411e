// The suite of sessions and browsers' lives on the browser that npm brings.
import { npmBrowser } from './testing/browsers.ts'
import { lifeTests } from './testing/life.ts'

lifeTests(npmBrowser)
