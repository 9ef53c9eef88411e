// The environment of the playwright server: which browser, where it may go, and how much it may use.
import { readFileSync } from 'node:fs'
import { type Config, type ConfigSchema, choice, flag, integer, list, text } from '../kit/definition.ts'
import { policyVariables } from '../kit/network-policy/policy-variables.ts'

export const config = {
  type: 'object',
  properties: {
    PLAYWRIGHT_EXECUTABLE_PATH: text(
      'The Chromium to use, such as `/usr/bin/chromium-headless-shell`; without it the server looks for one',
      'PLAYWRIGHT_MCP_EXECUTABLE_PATH',
    ),
    PLAYWRIGHT_BROWSERS_PATH: text('Where `playwright install` has put its browsers, when not in `~/.cache/ms-playwright`'),
    ...policyVariables('PLAYWRIGHT'),
    PLAYWRIGHT_IGNORE_HTTPS_ERRORS: flag(
      false,
      'Opens pages whose certificate cannot be verified, for a network with certificates of its own',
    ),
    PLAYWRIGHT_STORAGE_STATE_FILE: list(
      'Sign-ins that every new browser session starts with: a file that `playwright codegen --save-storage=FILE` has written. For one principal only: `PRINCIPAL=FILE`',
    ),
    PLAYWRIGHT_BLOCK_RESOURCES: {
      ...list('Kinds of resources that pages do not load: `image`, `media`, `font`, `stylesheet`'),
      items: { type: 'string', enum: ['image', 'media', 'font', 'stylesheet'] },
    },
    PLAYWRIGHT_ALLOW_EVALUATE: flag(true, 'Whether `evaluate` may run scripts in the page'),
    PLAYWRIGHT_IMAGE_RESPONSES: {
      ...choice(
        ['allow', 'omit'],
        'allow',
        '`omit` for models that cannot see: `screenshot` then only says what it would have shown',
      ),
      'x-aliases': ['PLAYWRIGHT_MCP_IMAGE_RESPONSES'],
    },
    PLAYWRIGHT_SANDBOX: flag(false, "Chromium's own sandbox. Needs user namespaces and a user that is not root"),
    PLAYWRIGHT_MAX_CONTEXTS: integer(
      4,
      [1, 50],
      'Browser sessions at once, each some 60 MB; at the limit the one that was unused longest is closed',
    ),
    PLAYWRIGHT_CONTEXT_TTL_SECONDS: integer(
      600,
      [1, 86_400],
      'A browser session is closed after this time without a call, with its pages and sign-ins',
    ),
    PLAYWRIGHT_IDLE_SECONDS: integer(
      300,
      [1, 86_400],
      'The browser is closed after this time without a browser session, and started again at the next `navigate`',
    ),
    PLAYWRIGHT_MAX_RSS_MB: integer(
      600,
      [200, 65_536],
      'The browser is replaced between two calls when its processes together use more memory',
    ),
  },
} as const satisfies ConfigSchema

export type PlaywrightConfig = Config<typeof config>

/**
 * Files by principal; under an empty name, the one for all others.
 * @throws Error for the operator
 */
export function storageStates(values: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    values.map((value) => {
      const [, principal = '', file = ''] = /^(?:([^/=]+)=)?(.+)$/s.exec(value) ?? []
      try {
        if (!Array.isArray(JSON.parse(readFileSync(file, 'utf8')).cookies)) throw new Error('it has no list "cookies"')
      } catch (error) {
        throw new Error(
          `PLAYWRIGHT_STORAGE_STATE_FILE: ${file} is not a storage state (${error instanceof Error ? error.message : error}); write it with: npx playwright codegen --save-storage=${file}`,
        )
      }
      return [principal, file]
    }),
  )
}
