// fill: sets one field, and reads back what it holds then.
import { type AnyTool, defineTool, type FromSchema, ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { cleanText, clip, visibleJson } from '../../kit/text.ts'
import { isTimeout } from '../errors.ts'
import { act, type Done } from '../lib/act.ts'
import { ask } from '../lib/ask-page.ts'
import type { FieldState } from '../lib/page/program.ts'
import { actionTimeout, acts, dialog, session, target, timeoutAlias } from '../lib/parameters.ts'
import type { PlaywrightBackend } from '../lib/service.ts'
import type { Attempt } from '../types.ts'

const inputSchema = {
  type: 'object',
  properties: {
    selector: { ...target, examples: ['input[name="q"]'] },
    value: {
      type: 'string',
      maxLength: 100_000,
      writeOnly: true,
      description: 'Text, option (several: one a line), or true/false; omit to only press keys',
    },
    slowly: { type: 'boolean', default: false, description: 'Type key by key, for pages that listen' },
    press: { type: 'string', minLength: 1, maxLength: 200, description: 'Keys to press then: "ArrowDown Enter", "Escape"' },
    submit: { type: 'boolean', default: false, description: 'Then press Enter' },
    dialog,
    timeout_ms: actionTimeout,
    session,
  },
  required: ['selector'],
  additionalProperties: false,
} as const

type Arguments = FromSchema<typeof inputSchema>

const maxKeys = 30
/** Playwright's names of keys, with modifiers. */
const knownKey =
  /^((Control|Shift|Alt|Meta|ControlOrMeta)\+)*(.|F\d{1,2}|Enter|Escape|Tab|Space|Backspace|Delete|Insert|Home|End|PageUp|PageDown|Arrow(Up|Down|Left|Right))$/u
const maxSlowChars = 2_000
const maxShownValue = 100
/** Inputs whose value the browser parses: what it cannot read empties them. */
const parsed = /^(date|time|datetime-local|month|week|color|range|number)$/
const formats: Readonly<Record<string, string>> = {
  date: '2026-12-24',
  time: '17:30',
  'datetime-local': '2026-12-24T17:30',
  month: '2026-12',
  week: '2026-W52',
  color: '#ff0000',
  number: '12.5',
}

export function fillTool(backend: PlaywrightBackend, environment: Environment): AnyTool {
  return defineTool({
    name: 'fill',
    title: 'Fill a field',
    description:
      'Type into a field, choose options by label, or set a checkbox. Replaces what was there. Returns the text that appeared or changed.',
    inputSchema,
    annotations: acts,
    aliases: { ...timeoutAlias, text: 'value' },
    handler: (args, context) => {
      const keys = [...(args.press?.trim().split(/\s+/) ?? []), ...(args.submit ? ['Enter'] : [])]
      if (args.value === undefined && keys.length === 0) {
        throw new ToolError('INVALID_ARGUMENT', 'neither "value" nor "press" is given', {
          hint: visibleJson({ selector: args.selector, value: '…' }),
        })
      }
      if (keys.length > maxKeys) throw new ToolError('INVALID_ARGUMENT', `"press" has ${keys.length} keys; at most ${maxKeys}`)
      const wrong = keys.find((key) => !knownKey.test(key))
      if (wrong !== undefined) {
        throw new ToolError('INVALID_ARGUMENT', `"${clip(wrong, 40)}" is not a key`, {
          hint: 'names such as Enter, Escape, Tab, ArrowDown, Backspace, Control+a',
        })
      }
      return act(backend, environment, args, context, (attempt) => fill(attempt, args, keys), args.value !== undefined)
    },
  })
}

async function fill(attempt: Attempt, args: Arguments, keys: readonly string[]): Promise<Done> {
  const { locator, timeoutMs: timeout, signal } = attempt
  const state = await ask(locator, 'fieldState', undefined, { ms: timeout, signal })
  const what = clip(cleanText(state.what), 250)
  const done =
    args.value === undefined ? { did: `focused ${what}`, notes: [] } : await set(attempt, state, args.value, args.slowly, what)
  for (const key of keys) await locator.press(key, { timeout, signal })
  return { ...done, did: `${done.did}${keys.length === 0 ? '' : ` and pressed ${keys.join(' ')}`}` }
}

async function set(attempt: Attempt, state: FieldState, value: string, slowly: boolean, what: string): Promise<Required<Done>> {
  const { locator, selector, timeoutMs: timeout, signal } = attempt
  if (state.kind === 'file') {
    throw new ToolError('FORBIDDEN', 'files cannot be uploaded with this browser', {
      hint: 'evaluate, which can set input.files from text by DataTransfer and File',
    })
  }
  if (state.kind === 'select') return { did: `chose in ${what}: ${await choose(attempt, state, value)}`, notes: [] }
  if (state.kind === 'checkbox' || state.kind === 'radio') {
    const wanted = isYes(value)
    await locator.setChecked(wanted, { timeout, signal })
    return { did: `set ${what} to ${wanted}`, notes: [] }
  }
  if (/^(button|submit|reset|image|a|summary)$/.test(state.kind)) {
    throw new ToolError('INVALID_ARGUMENT', `${what} takes no value`, { hint: `click with ${visibleJson({ selector })}` })
  }
  let refused: unknown
  if (slowly && !parsed.test(state.kind)) {
    if (value.length > maxSlowChars) {
      throw new ToolError('INVALID_ARGUMENT', `slowly types at most ${maxSlowChars} characters`, {
        hint: 'the same call without slowly',
      })
    }
    await locator.fill('', { timeout, signal })
    await locator.pressSequentially(value, { timeout: timeout + value.length * 20, signal })
  } else {
    await locator.fill(value, { timeout, signal }).catch((error: unknown) => {
      if (!parsed.test(state.kind) || isTimeout(error)) throw error
      signal.throwIfAborted()
      refused = error
    })
  }
  const now = await ask(locator, 'fieldState', undefined, { ms: 2_000, signal }).catch(() => undefined)
  signal.throwIfAborted()
  const taken = now === undefined || sameText(now.value, value)
  if (!taken && parsed.test(state.kind)) {
    if (now.value !== state.value) await locator.fill(state.value, { timeout, signal }).catch(() => {})
    throw notTaken(state, value, now.value, selector, refused)
  }
  return { did: `typed ${value.length} characters into ${what}`, notes: taken ? [] : [differs(now, slowly)] }
}

function sameText(now: string, wanted: string): boolean {
  const plain = (text: string): string =>
    text
      .replace(/\r\n?/g, '\n')
      .replace(/\u00a0/g, ' ')
      .trimEnd()
  return plain(now) === plain(wanted)
}

/** The browser refused the value, or made another one of it. */
function notTaken(
  { kind, value, limits }: FieldState,
  wanted: string,
  made: string,
  selector: string,
  cause: unknown,
): ToolError {
  // The value itself is not repeated: it may be a secret.
  const iso = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(wanted.trim())
  const date = iso === null ? undefined : `${iso[3]}-${iso[2]?.padStart(2, '0')}-${iso[1]?.padStart(2, '0')}`
  const better = made !== '' && made !== value ? made : kind === 'date' ? (date ?? formats.date) : formats[kind]
  const holds = value === '' ? 'is still empty' : `still holds "${clip(value, maxShownValue)}"`
  return new ToolError(
    'INVALID_ARGUMENT',
    `the ${kind} field did not take the value${limits === '' ? '' : `: it takes ${limits}`}; it ${holds}`,
    { hint: better === undefined ? `the form that ${kind} fields take` : visibleJson({ selector, value: better }), cause },
  )
}

/** The page made something else of the value. Of a password only its length is told. */
function differs({ kind, value, limits }: FieldState, slowly: boolean): string {
  const holds =
    kind === 'password'
      ? `${value.length} characters`
      : value === ''
        ? 'nothing'
        : JSON.stringify(clip(cleanText(value), maxShownValue))
  return `the field holds ${holds} now, not what was typed${limits === '' ? '' : ` (${limits})`}${slowly ? '' : '; slowly: true types key by key'}`
}

/** By label, then by value; several lines are several options. @throws ToolError NOT_FOUND with the options that exist */
async function choose(attempt: Attempt, { options, multiple }: FieldState, wanted: string): Promise<string> {
  const { locator, selector, timeoutMs, signal } = attempt
  const find = (text: string): FieldState['options'][number] | undefined =>
    options.find(({ label }) => label === text.trim()) ??
    options.find(({ value }) => value === text) ??
    options.find(({ label }) => label.toLowerCase() === text.trim().toLowerCase())
  const whole = find(wanted)
  const lines = wanted.split('\n').filter((line) => line.trim() !== '')
  const found = whole !== undefined || !multiple ? [whole] : lines.map(find)
  const missing = found.indexOf(undefined)
  if (missing !== -1) {
    const labels = options.slice(0, 20).map(({ label }) => `"${clip(cleanText(label), 60)}"`)
    const [first] = options
    throw new ToolError(
      'NOT_FOUND',
      `there is no option "${clip(lines[missing] ?? wanted, 60)}". Options: ${labels.join(', ') || 'none'}`,
      first === undefined ? {} : { hint: visibleJson({ selector, value: first.label }) },
    )
  }
  const chosen = found.filter((option) => option !== undefined)
  await locator.selectOption(
    chosen.map(({ value }) => ({ value })),
    { timeout: timeoutMs, signal },
  )
  return chosen.map(({ label }) => JSON.stringify(clip(cleanText(label), 60))).join(', ') || 'no option'
}

/** @throws ToolError INVALID_ARGUMENT */
function isYes(value: string): boolean {
  if (/^(true|on|yes|1|checked)$/i.test(value.trim())) return true
  if (/^(false|off|no|0|unchecked|)$/i.test(value.trim())) return false
  throw new ToolError('INVALID_ARGUMENT', 'a checkbox is set to true or false', {
    hint: '{"value":"true"}',
  })
}
