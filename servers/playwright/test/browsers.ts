// For tests: the browsers that the suites run with. The one from npm needs nothing installed; the others are Debian's.
import { npmBrowser as npmPackage } from '../../../dev/npm-browser.ts'

export interface TestBrowser {
  readonly name: string
  /** An executable for PLAYWRIGHT_EXECUTABLE_PATH. */
  path(): Promise<string>
  /** Why tests with it are skipped. */
  readonly skip: string | undefined
}

export const npmBrowser: TestBrowser = {
  name: 'npm',
  skip: undefined,
  path: async () => (await npmPackage()?.unpack()) ?? '',
}

export const headlessShell = fromEnvironment('chromium-headless-shell', 'OCTET_TEST_CHROMIUM_HEADLESS_SHELL')
export const chromium = fromEnvironment('chromium', 'OCTET_TEST_CHROMIUM')

function fromEnvironment(name: string, variable: string): TestBrowser {
  const path = process.env[variable]
  return {
    name,
    skip: path === undefined ? `Debian's ${name} is not installed (${variable})` : undefined,
    path: async () => path ?? '',
  }
}
