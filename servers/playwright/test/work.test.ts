// The suite of the tools on the browser that npm brings.
import { npmBrowser } from './browsers.ts'
import { workTests } from './work.ts'

workTests(npmBrowser)
