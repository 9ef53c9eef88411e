// Takes secrets out of a workflow. n8n keeps credentials apart, but people paste tokens into headers, URLs and code; a language model has
// no use for any of them. Known by the name beside them, by their form, or because they are this server's own.
import { createRedact } from '../../kit/redact.ts'
import { isObject } from './json.ts'

export type Redactor = (value: unknown) => unknown

const mask = '[redacted]'
const secretName =
  /authorization|secret|passw(or)?d|passphrase|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|cookie|bearer|token|^(auth|pwd|pin|signature|sig)$/i
/** Names that match and mean something else: limits of language models, page tokens' switches, types of credentials. */
const harmlessName =
  /^(max|min|total|num|prompt|completion)_?(output_?)?tokens?|tokens?_?(count|limit|usage)$|(type|name|mode|field)$/i
/** Headers whose values are worth reading and never a secret. */
const harmlessHeader = /^(accept(-.*)?|content-(type|length|encoding|language)|user-agent|cache-control|host|origin|referer)$/i
/** An expression that only refers to something: it names a secret but holds none. */
const pureReference = /^=\s*\{\{[^'"`]*\}\}\s*$/
/** n8n's own members that are left out wherever they stand: data, what opens a webhook, and where a node is drawn. */
const dropped = new Set(['pinData', 'staticData', 'webhookId', 'instanceId', 'position'])

/** Read of one string. Matching costs time, and no result shows more than {@link maxKeptChars} of one. */
const maxReadChars = 20_000
/** Kept of a longer one: far from its cut end, where half a secret would not be recognised. */
const maxKeptChars = 4_000

const secretForms: [RegExp, string][] = [
  [/([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@"'`]{1,400}@/gi, `$1${mask}@`], // userinfo of a URL, with or without a password
  [/([?&](?:key|sig|signature|auth|code|[\w-]{0,40}(?:token|secret|passw(?:or)?d|api[-_]?key))=)[^&\s"'`#]+/gi, `$1${mask}`],
  [/\b(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${mask}`],
  [/\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}/g, mask], // OpenAI, Anthropic, Stripe
  [
    /\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|xapp-|npm_|hf_|AIza|ya29\.|AKIA|ASIA|SG\.|dop_v1_|shpat_|pat-)[A-Za-z0-9._-]{10,}/g,
    mask,
  ],
  [/(?<!\d)\d{6,12}:[A-Za-z0-9_-]{30,}/g, mask], // Telegram
  [/(hooks\.slack\.com\/(?:services|workflows|triggers)\/)[A-Za-z0-9/_-]+/g, `$1${mask}`],
  [/(discord(?:app)?\.com\/api\/webhooks\/)[A-Za-z0-9/_-]+/g, `$1${mask}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, mask],
  // In code and in JSON inside of a string: a name, an equals sign or colon, a quoted value.
  [
    /((?:[\w$-]{0,40}(?:secret|passw(?:or)?d|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|token|authorization|cookie)[\w$-]{0,40})\\?["'`]?\s*[:=]\s*)(\\?["'`])((?:(?!\2)[\s\S])+)\2/gi,
    `$1$2${mask}$2`,
  ],
]

/** @param own secrets of this server, which must appear nowhere */
export function createRedactor(own: readonly string[]): Redactor {
  const known = createRedact(own)
  const clean = (value: string): string => {
    const head = value.slice(0, maxReadChars)
    let result = known(head) as string
    for (const [form, replacement] of secretForms) result = result.replace(form, replacement)
    return head.length === value.length ? result : result.slice(0, maxKeptChars)
  }

  const visit = (value: unknown, secret: boolean): unknown => {
    if (typeof value === 'string') return secret && value !== '' && !pureReference.test(value) ? mask : clean(value)
    if (typeof value === 'number') return secret ? mask : value
    if (Array.isArray(value)) return value.map((item) => visit(item, secret))
    if (!isObject(value)) return value
    // {name: 'Authorization', value: '…'} is how n8n writes headers, parameters of a query, and fields.
    const named = isSecretName(value.name) || isSecretName(value.key)
    const holds = (key: string): boolean => secret || isSecretName(key) || (named && !/^(name|key|type|id)$/.test(key))
    const entries: [string, unknown][] = []
    for (const [key, item] of Object.entries(value)) {
      if (dropped.has(key)) continue
      if (key === 'credentials' && isObject(item)) entries.push([key, Object.keys(item)])
      else if (/^headerParameters/i.test(key)) entries.push([key, visitHeaders(item)])
      else if (/^(jsonHeaders|headerParametersJson)$/i.test(key)) entries.push([key, mask])
      else entries.push([key, visit(item, holds(key))])
    }
    return Object.fromEntries(entries)
  }

  /** Every value of a header but the few that are harmless: what a header is called says little about what it proves. */
  const visitHeaders = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visitHeaders)
    if (!isObject(value)) return typeof value === 'string' ? mask : value
    const harmless = typeof value.name === 'string' && harmlessHeader.test(value.name)
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        if (key === 'name') return [key, item]
        return [key, typeof item === 'object' ? visitHeaders(item) : visit(item, !harmless)]
      }),
    )
  }

  return (value) => visit(value, false)
}

function isSecretName(name: unknown): boolean {
  return typeof name === 'string' && secretName.test(name) && !harmlessName.test(name)
}
