// The attack suite on the browser that npm brings.
import { attackTests } from './attacks.ts'
import { npmBrowser } from './browsers.ts'

attackTests(npmBrowser)
