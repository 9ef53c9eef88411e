// The attack suite on the browser that npm brings.
import { attackTests } from './testing/attacks.ts'
import { npmBrowser } from './testing/browsers.ts'

attackTests(npmBrowser)
