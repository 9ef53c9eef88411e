// The suite of sessions and browsers' lives on the browser that npm brings.
import { npmBrowser } from './browsers.ts'
import { lifeTests } from './life.ts'

lifeTests(npmBrowser)
