// What cases may need from a target. An unmet need is a skip whose reason says what would meet it.
import { LIMITS } from './limits.ts'
import { mirroredProperties } from './tool-schema.ts'
import type { Facts } from './types.ts'

const NEEDS = {
  /** The `tools` capability, or at least one tool. */
  tools: (facts: Facts) => facts.capabilities.tools !== undefined || facts.tools.length > 0 || 'the server offers no tools',
  /** A tool that may be called: marked read-only, or named by the user. */
  tool: (facts: Facts) =>
    facts.callable !== undefined ||
    'no tool is marked read-only and works with arguments made from its schema: name one with --tool NAME --args JSON',
  /** A tool whose call takes long enough to do something meanwhile. */
  'slow-tool': (facts: Facts) =>
    facts.slow !== undefined || `no call takes ${LIMITS.slowMs} ms or more: name a slow tool with --tool NAME --args JSON`,
  /** A tool that reports progress. */
  'progress-tool': (facts: Facts) =>
    facts.progressing !== undefined || 'no tool reports progress: name one that does with --tool NAME --args JSON',
  /** A read-only tool that gives a text argument back. */
  'echo-tool': (facts: Facts) => facts.echo !== undefined || 'no read-only tool gives a text argument back',
  /** A tool with an `outputSchema` that may be called. */
  'structured-tool': (facts: Facts) => facts.structured !== undefined || 'no tool that may be called has an outputSchema',
  /** A tool that may be called and has an `x-mcp-header` property. */
  'header-tool': (facts: Facts) =>
    (facts.callable !== undefined && mirroredProperties(facts.callable.tool).length > 0) ||
    'the tool mirrors no parameter into a header',
  logging: (facts: Facts) => facts.capabilities.logging !== undefined || 'the server does not declare logging',
  session: (facts: Facts) => facts.hasSession || 'the server hands out no session id',
  'get-stream': (facts: Facts) => facts.hasGetStream || 'the server offers no stream on GET',
  'list-changed': (facts: Facts) =>
    (facts.capabilities.tools as { listChanged?: unknown } | undefined)?.listChanged === true ||
    'the server does not declare tools.listChanged',
} satisfies Record<string, (facts: Facts) => true | string>

export type Need = keyof typeof NEEDS

export function unmet(needs: readonly Need[] | undefined, facts: Facts): string | undefined {
  for (const need of needs ?? []) {
    const met = NEEDS[need](facts)
    if (met !== true) return met || 'not available'
  }
  return undefined
}
