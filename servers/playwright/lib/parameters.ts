// Parameters and annotations that several tools share.
export const session = { type: 'string', minLength: 1, maxLength: 64, description: 'Another browser session' } as const
export const selector = { type: 'string', minLength: 1, maxLength: 2_000 } as const
export const part = { ...selector, description: 'Only this element' } as const
export const target = {
  ...selector,
  description: 'CSS, text=Save, role=button[name="Save"], or only the label or visible text',
} as const
export const dialog = {
  type: 'string',
  minLength: 1,
  maxLength: 2_000,
  writeOnly: true,
  description: '"accept", or the text for a prompt; else dialogs are dismissed',
} as const
export const actionTimeout = { type: 'integer', minimum: 100, maximum: 30_000, default: 5_000 } as const
export const timeoutAlias = { timeout: 'timeout_ms' } as const

export const reads = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true } as const
export const acts = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true } as const
