// The suite of the tools on the browser that npm brings.
import { npmBrowser } from './testing/browsers.ts'
import { workTests } from './testing/work.ts'

workTests(npmBrowser)
