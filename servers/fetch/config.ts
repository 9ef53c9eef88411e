// Environment variables of the fetch server. None is required.
import { type Config, type ConfigSchema, flag, integer } from '../kit/definition.ts'
import { policyVariables } from '../kit/network-policy/policy-variables.ts'

export const config = {
  type: 'object',
  properties: {
    ...policyVariables('FETCH'),
    FETCH_IGNORE_ROBOTS: flag(false, 'Fetch what robots.txt disallows, and do not ask for it'),
    FETCH_ROBOTS_STRICT: flag(false, 'A robots.txt that answers 401 or 403 forbids the whole site; by RFC 9309 it allows it'),
    FETCH_USER_AGENT: {
      type: 'string',
      minLength: 1,
      pattern: '^[A-Za-z_-]+[\\x20-\\x7e]*$',
      examples: ['mcp-fetch/1.0 (+https://example.com/bot)'],
      description: 'User agent; its first word is the name that robots.txt is asked about. Default `mcp-fetch/VERSION`',
    },
    FETCH_MAX_BYTES: integer(
      5_242_880,
      [65_536, 5_242_880],
      'Most bytes of a page, after decompression; what is beyond is not read',
    ),
    FETCH_TIMEOUT_MS: integer(15_000, [1_000, 40_000], 'For a page with its redirects, in milliseconds'),
    FETCH_CACHE_SECONDS: integer(
      300,
      [0, 3_600],
      'How long an extracted page is kept, so that its following pages cost no second download',
    ),
  },
} as const satisfies ConfigSchema

export type FetchConfig = Config<typeof config>
