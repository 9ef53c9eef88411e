// fill: sets one field, and reads back what it holds then.
import { type AnyTool, defineTool, type FromSchema, ToolError } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { cleanText, clip, visibleJson } from '../../kit/text.ts'
import { isTimeout } from '../errors.ts'
import { act, type Done } from '../lib/act.ts'
import { ask, ifPossible } from '../lib/ask-page.ts'
import type { FieldState } from '../lib/page/program.ts'
import { actionTimeout, acts, dialog, session, type Target, target, timeoutAlias } from '../lib/page-call.ts'
import type { PlaywrightBackend } from '../lib/service.ts'

const inputSchema = parameters(['selector'], {
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
})

type Arguments = FromSchema<typeof inputSchema>

const maxKeys = 30
/** Playwright's names of keys, with modifiers. */
const knownKey =
  /^((Control|Shift|Alt|Meta|ControlOrMeta)\+)*(.|F\d{1,2}|Enter|Escape|Tab|Space|Backspace|Delete|Insert|Home|End|PageUp|PageDown|Arrow(Up|Down|Left|Right))$/u
const maxSlowChars = 2_000
const maxShownValue = 100
/** Inputs whose value the browser parses: what it cannot read empties them. */
const parsed = /^(date|time|datetime-local|month|week|color|range|number)$/

export function fillTool(backend: PlaywrightBackend): AnyTool {
  return defineTool({
    name: 'fill',
    title: 'Fill a field',
    description:
      'Type into a field, choose options by label, or set a checkbox. Replaces what was there. Returns the text that appeared or changed.',
    inputSchema,
    annotations: acts,
    aliases: { ...timeoutAlias, text: 'value' },
    lookUp: 'get_content {"format":"interactive"}',
    handler: (args, context) => {
      const keys = keysOf(args)
      const purpose = args.value === undefined ? 'click' : 'fill'
      return act(backend, args, context, purpose, (target) => fill(target, args, keys))
    },
  })
}

/** @throws ToolError INVALID_ARGUMENT, also when there is nothing to do */
function keysOf({ selector, value, press, submit }: Arguments): string[] {
  const keys = [...(press?.trim().split(/\s+/) ?? []), ...(submit ? ['Enter'] : [])]
  if (value === undefined && keys.length === 0) {
    const hint = visibleJson({ selector, value: '…' })
    throw new ToolError('INVALID_ARGUMENT', 'neither "value" nor "press" is given', { hint })
  }
  if (keys.length > maxKeys) throw new ToolError('INVALID_ARGUMENT', `"press" has ${keys.length} keys; at most ${maxKeys}`)
  const wrong = keys.find((key) => !knownKey.test(key))
  if (wrong === undefined) return keys
  const hint = 'names such as Enter, Escape, Tab, ArrowDown, Backspace, Control+a'
  throw new ToolError('INVALID_ARGUMENT', `"${clip(wrong, 40)}" is not a key`, { hint })
}

async function fill(target: Target, args: Arguments, keys: readonly string[]): Promise<Done> {
  const { locator, timeoutMs: timeout, signal } = target
  const state = await ask(locator, 'fieldState', undefined, { ms: timeout, signal })
  const what = clip(cleanText(state.what), 250)
  const { value } = args
  const done = value === undefined ? { did: `focused ${what}` } : await set(target, state, value, args.slowly, what)
  for (const key of keys) await locator.press(key, { timeout, signal })
  return { ...done, did: `${done.did}${keys.length === 0 ? '' : ` and pressed ${keys.join(' ')}`}` }
}

async function set(target: Target, state: FieldState, value: string, slowly: boolean, what: string): Promise<Done> {
  const { locator, selector, timeoutMs: timeout, signal } = target
  const { kind } = state
  if (kind === 'file') {
    const hint = 'evaluate, which can set input.files from text by DataTransfer and File'
    throw new ToolError('FORBIDDEN', 'files cannot be uploaded with this browser', { hint })
  }
  if (/^(button|submit|reset|image|a|summary)$/.test(kind)) {
    throw new ToolError('INVALID_ARGUMENT', `${what} takes no value`, { hint: `click ${visibleJson({ selector })}` })
  }
  if (kind === 'select') return { did: `chose in ${what}: ${await choose(target, state, value)}` }
  if (kind === 'checkbox' || kind === 'radio') {
    const wanted = isYes(value)
    await locator.setChecked(wanted, { timeout, signal })
    return { did: `set ${what} to ${wanted}` }
  }
  let refused: unknown
  if (slowly && !parsed.test(kind)) {
    if (value.length > maxSlowChars) {
      const hint = 'the same call without slowly'
      throw new ToolError('INVALID_ARGUMENT', `slowly types at most ${maxSlowChars} characters`, { hint })
    }
    await locator.fill('', { timeout, signal })
    await locator.pressSequentially(value, { timeout: timeout + value.length * 20, signal })
  } else {
    await locator.fill(value, { timeout, signal }).catch((error: unknown) => {
      if (!parsed.test(kind) || isTimeout(error) || signal.aborted) throw error
      refused = error
    })
  }
  const now = await ifPossible(ask(locator, 'fieldState', undefined, { ms: 2_000, signal }), signal)
  const did = `typed ${value.length} characters into ${what}`
  if (now === undefined || sameText(now.value, value)) return { did }
  if (!parsed.test(kind)) return { did, notes: [differs(now, slowly)] }
  if (now.value !== state.value) await locator.fill(state.value, { timeout, signal }).catch(() => {})
  throw notTaken(state, value, now.value, refused)
}

function sameText(now: string, wanted: string): boolean {
  const plain = (text: string): string => text.replace(/\r\n?/g, '\n').replaceAll('\u00a0', ' ').trimEnd()
  return plain(now) === plain(wanted)
}

/** The browser refused the value, or made another one of it. The value itself is not repeated: it may be a secret. */
function notTaken({ kind, value, limits }: FieldState, wanted: string, made: string, cause: unknown): ToolError {
  const [, day, month, year] = (kind === 'date' && /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(wanted.trim())) || []
  const date = year === undefined ? undefined : `${year}-${month?.padStart(2, '0')}-${day?.padStart(2, '0')}`
  const better = made !== '' && made !== value ? made : date
  const holds = value === '' ? 'is still empty' : `still holds "${clip(value, maxShownValue)}"`
  const takes = limits === '' ? '' : `: it takes ${limits}`
  const remedy = better === undefined ? { hint: `a value for HTML's <input type="${kind}">` } : { retry: { value: better } }
  return new ToolError('INVALID_ARGUMENT', `the ${kind} field did not take the value${takes}; it ${holds}`, { ...remedy, cause })
}

/** The page made something else of the value. Of a password only its length is told. */
function differs({ kind, value, limits }: FieldState, slowly: boolean): string {
  const shown = value === '' ? 'nothing' : JSON.stringify(clip(cleanText(value), maxShownValue))
  const holds = kind === 'password' ? `${value.length} characters` : shown
  const why = limits === '' ? '' : ` (${limits})`
  return `the field holds ${holds} now, not what was typed${why}${slowly ? '' : '; slowly: true types key by key'}`
}

/** By label, then by value; several lines are several options. @throws ToolError NOT_FOUND with the options that exist */
async function choose(target: Target, { options, multiple }: FieldState, wanted: string): Promise<string> {
  const { locator, timeoutMs, signal } = target
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
    const text = `there is no option "${clip(lines[missing] ?? wanted, 60)}". Options: ${labels.join(', ') || 'none'}`
    throw new ToolError('NOT_FOUND', text, { retry: { value: options[0]?.label ?? '' } })
  }
  const chosen = found.filter((option) => option !== undefined)
  const values = chosen.map(({ value }) => ({ value }))
  await locator.selectOption(values, { timeout: timeoutMs, signal })
  return chosen.map(({ label }) => JSON.stringify(clip(cleanText(label), 60))).join(', ') || 'no option'
}

/** @throws ToolError INVALID_ARGUMENT */
function isYes(value: string): boolean {
  if (/^(true|on|yes|1|checked)$/i.test(value.trim())) return true
  if (/^(false|off|no|0|unchecked|)$/i.test(value.trim())) return false
  throw new ToolError('INVALID_ARGUMENT', 'a checkbox is set to true or false', { retry: { value: 'true' } })
}
