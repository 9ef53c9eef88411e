// The environment of the playwright server: which browser, where it may go, and how much it may use.
import { readFileSync } from 'node:fs'
import type { Config, ConfigSchema } from '../kit/definition.ts'
import { policyVariables } from '../kit/network-policy/policy-variables.ts'

const text = { type: 'string', minLength: 1 } as const
const list = { type: 'array', items: { type: 'string' }, default: [] } as const
const seconds = { type: 'integer', minimum: 1, maximum: 86_400 } as const

export const config = {
  type: 'object',
  properties: {
    PLAYWRIGHT_EXECUTABLE_PATH: {
      ...text,
      'x-aliases': ['PLAYWRIGHT_MCP_EXECUTABLE_PATH'],
      description: 'The Chromium to use, such as `/usr/bin/chromium-headless-shell`; without it the server looks for one',
    },
    PLAYWRIGHT_BROWSERS_PATH: {
      ...text,
      description: 'Where `playwright install` has put its browsers, when not in `~/.cache/ms-playwright`',
    },
    ...policyVariables('PLAYWRIGHT'),
    PLAYWRIGHT_IGNORE_HTTPS_ERRORS: {
      type: 'boolean',
      default: false,
      description: 'Opens pages whose certificate cannot be verified, for a network with certificates of its own',
    },
    PLAYWRIGHT_STORAGE_STATE_FILE: {
      ...list,
      items: text,
      description:
        'Sign-ins that every new browser session starts with: a file that `playwright codegen --save-storage=FILE` has written. For one principal only: `PRINCIPAL=FILE`',
    },
    PLAYWRIGHT_BLOCK_RESOURCES: {
      ...list,
      items: { enum: ['image', 'media', 'font', 'stylesheet'] },
      description: 'Kinds of resources that pages do not load: `image`, `media`, `font`, `stylesheet`',
    },
    PLAYWRIGHT_ALLOW_EVALUATE: { type: 'boolean', default: true, description: 'Whether `evaluate` may run scripts in the page' },
    PLAYWRIGHT_IMAGE_RESPONSES: {
      type: 'string',
      enum: ['allow', 'omit'],
      default: 'allow',
      'x-aliases': ['PLAYWRIGHT_MCP_IMAGE_RESPONSES'],
      description: '`omit` for models that cannot see: `screenshot` then only says what it would have shown',
    },
    PLAYWRIGHT_SANDBOX: {
      type: 'boolean',
      default: false,
      description: "Chromium's own sandbox. Needs user namespaces and a user that is not root",
    },
    PLAYWRIGHT_MAX_CONTEXTS: {
      type: 'integer',
      default: 4,
      minimum: 1,
      maximum: 50,
      description: 'Browser sessions at once, each some 60 MB; at the limit the one that was unused longest is closed',
    },
    PLAYWRIGHT_CONTEXT_TTL_SECONDS: {
      ...seconds,
      default: 600,
      description: 'A browser session is closed after this time without a call, with its pages and sign-ins',
    },
    PLAYWRIGHT_IDLE_SECONDS: {
      ...seconds,
      default: 300,
      description: 'The browser is closed after this time without a browser session, and started again at the next `navigate`',
    },
    PLAYWRIGHT_MAX_RSS_MB: {
      type: 'integer',
      default: 600,
      minimum: 200,
      maximum: 65_536,
      description: 'The browser is replaced between two calls when its processes together use more memory',
    },
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
