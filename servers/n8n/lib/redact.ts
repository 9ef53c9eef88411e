// Removes secrets from workflows: n8n stores credentials apart, but people paste tokens into headers, URLs and code. A secret is detected by the
// name beside it, by its issuer's format, or because it is this server's own. Every regular expression takes linear time.
import { cutMark } from '../../kit/http/answer.ts'
import { isObject, type JsonObject } from './json.ts'

export type Redactor = ((value: unknown) => unknown) & { readonly inName: (name: string) => string }

const mask = '[redacted]'
/** Names of secrets, as `words` writes them. */
const secretName =
  /\b(auth|authorization|secret|\w*passw(or)?d|passwort|kennwort|senha|wachtwoord|contrase a|mot de passe|passphrase|passcode|pwd|pass|pw|cookies?|bearer|token|jwt|credentials?|signature|sig|pin|otp|(api|app|access|private|secret|consumer|subscription|auth|account|shared|master|encryption|signing|license|rapid ?api|client|service|storage|rest)s? ?key|apikey|appkey)$/
/** Names that mean a secret only beside a value that looks random. */
const weakName = /\b(key|code|app ?id|(consumer|client|license|access) (id|code)|hash|webhook|session ?(id|token)?)$/
const suffix = /( ?\d+(?!\d)| (prod|production|live|test|dev|staging|value|old|new|string))+$/
/** Limits of language models and positions in a listing. */
const harmlessName = /^(max|min|total|num|prompt|completion|input|output|next|page|continuation|sync|stop) (output )?token$/
const harmlessHeader =
  /^(accept(-.*)?|content-.*|user-agent|cache-control|host|origin|referer|.*-(version|host|beta)|prefer|depth|if-.*|x-(requested-with|http-method.*))$/i
const random = /^(?=[^a-z]*[a-z])(?=\D*\d)[\w.~+/=!@#$%^&*:|-]{12,}$/i
const placeholder = /^(<[^<>]*>|\[[^[\]]*\]|[*x.•-]+)$|(^|[^a-z])(your|insert|enter|replace|paste)[-_ ]|[-_ ]here$/i
/** Words after a name that describe a value instead of being one. */
const describing = /^(string|text|number|required|optional|none|null|undefined|true|false|hidden|https?:.*|.*\.\w+)$/i
/** Members of n8n that are left out: test data, internal state, and ids that open a webhook. */
const dropped = new Set(['pinData', 'staticData', 'webhookId', 'instanceId'])

// Formats of issuers, after gitleaks' rules.
const issuers = [
  /\b[spr]k[-_][\w-]{16,}/, // OpenAI, Anthropic, OpenRouter, Stripe
  /\b(gh[pousr]_|github_pat_|gl(pat|ptt|rt|dt|soat|agent|oas)-|npm_|pypi-|hf_|do[op]_v1_|shp(at|ca|pa|ss)_|lin_api_|ntn_|secret_)[\w.=-]{18,}/,
  /\b(gsk_|pplx-|xai-|tvly-|r8_|sbp_|figd_|fc-|jina_|nvapi-|lsv2_|gl(c|sa)_|apify_api_|xkeysib-|whsec_|pscale_|PMAK-|sntrys_)[\w.=-]{18,}/,
  /\b(AT(AT|CT)T3|dapi|re_|hvs\.|SG\.|ya29\.|GOCSPX-|EAA[A-Z]|sq0[a-z]{3}-)[\w.=-]{18,}|\bAIza[\w-]{30,}|\b(AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/,
  /\bxox[abeoprs]-[\w-]{10,}|\bxapp-\d-[\w-]{10,}|\bkey-[a-f\d]{32}\b|\bSK[a-f\d]{32}\b|\b[a-f\d]{32}-us\d{1,2}\b/, // Slack, Mailgun, Twilio, Mailchimp
  /\b[ps]at[\w-]{0,16}[.-](?=[A-Za-z.-]{0,30}\d)[\w-]{20,}(\.[\w-]+)*|(?<!\d)\d{6,12}:[\w-]{30,}/, // Airtable, HubSpot, Telegram
  /(?<![\w-])ey[\w-]{8,}\.[\w-]{8,}\.?[\w-]*|-----BEGIN [A-Z ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----[^-]*(-----END [A-Z ]{0,50}-----)?/, // JWT, PEM
]
const issued = new RegExp(issuers.map(({ source }) => source).join('|'), 'g')
/** What comes before a secret without a name: in URLs, after an authorization scheme, and in arguments of commands. */
const places = [
  /([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@"'`{}]{1,400}(?=@)/gi,
  /(hooks\.slack\.com\/(?:services|workflows|triggers)\/|discord(?:app)?\.com\/api\/webhooks\/)[\w/-]+/g,
  /(\/webhook(?:-test|-waiting)?\/)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}/gi,
  /(\b(?:bearer|basic|token|apikey)\s{1,5})(?=[A-Za-z._~+/-]*[\d=])[A-Za-z0-9._~+/=-]{8,}/gi, // not a word: it has a digit or a padding
  /(\bmysql(?:dump|admin)?\b[^\n|;&]{0,200}?\s-p)[^\s"'`;|&-][^\s"'`;|&]+/g,
  /(\bcurl\b[^\n|;&]{0,300}?\s(?:-u|--user)[ =]["']?[^\s"':]{0,100}:)[^\s"']+/g,
  /(\bsshpass\s{1,5}-p\s{0,5}["']?|\bredis-cli\b[^\n|;&]{0,200}?\s(?:-a|--pass)\s{1,5}["']?)[^\s"']+/g,
]
/** A name and its value in a URL, an element, an option of a command, a pair in JSON; quoted in escaped or other JSON, code and settings. */
const assignments = [
  /[?&;](?<name>[\w.[\]-]{1,64})=(?=(?<value>[^&\s"'`#<>{}$;]+))/g,
  /<(?<name>[\w:.-]{1,64})>(?=(?<value>[^<>\s{}]{4,400})<\/)/g,
  /(?<![\w-])--?(?<name>[A-Za-z][\w-]{1,40})[ =]["']?(?=(?<value>[^\s"'`{}$-][^\s"'`{}]{3,400}))/g,
  /["'](?:name|key)["']\s{0,8}:\s{0,8}["'](?<name>[^"'\n]{1,64})["']\s{0,8},\s{0,80}["']value["']\s{0,8}:\s{0,8}["'](?=(?<value>[^"'\n]{1,4000}))/g,
  /(?<![\w$-])(?<name>[\w$-]{1,64})\\?["'`]?\]?\s{0,8}(?::|=>?)\s{0,8}\\(["'`])(?=(?<value>(?:(?!\\\2)[^\n]){1,4000}))/g,
  /(?<![\w$-])(?<name>[\w$-]{1,64})\\?["'`]?\]?\s{0,8}(?::|=>?)\s{0,8}(["'`])(?=(?<value>(?:\\.|(?!\2)[^\\\n]){1,4000}))/g,
  // In prose and settings: a name of one or two words and a value.
  /(?<![\w$.-])(?<name>(?:[A-Za-z][\w-]{1,40} )?[A-Za-z_][\w-]{1,60})(?<sign>\s{0,3}[:=]\s{0,3})(?=(?<value>(?:(?:Bearer|Basic|Token|ApiKey) )?[^\s"'`,;{}()[\]<>|$][^\s"'`,;{}()<>|]{3,200})(?<end>[ \t]*(?:\n|$))?)/g,
]

/** `X-Auth-Key`, `consumerKey` and `API Key 2` → `x auth key`, `consumer key`, `api key`. */
function words(name: string): string {
  const spaced = name.slice(-64).replace(/([a-z\d])([A-Z])|[^A-Za-z\d]+/g, '$1 $2')
  return spaced.trim().toLowerCase().replace(suffix, '')
}

/** Must a value beside this name be masked? */
function isSecret(name: string | undefined, value: string): boolean {
  const plain = words(name ?? '')
  if (secretName.test(plain) && !harmlessName.test(plain)) return !isReference(value) && !placeholder.test(value)
  return weakName.test(plain) && random.test(value)
}

/** Only expressions that refer to something, at most after an authorization scheme: it names a secret but contains none. */
function isReference(value: string): boolean {
  const accessors = /\$\w*\(\s*(["'])[^"']*\1|\[\s*(["'])[^"']*\2\s*\]|(["'])\3/g
  const rest = value.replace(/\{\{((?:(?!\{\{|\}\})[\s\S])*)\}\}/g, (whole, expression: string) =>
    /["'`]/.test(expression.replace(accessors, '')) ? whole : '',
  )
  return /^=?\s*(?:(?:bearer|basic|token|apikey|key)\s*)?(?:\$\{?\w+\}?|%\w+%)?$/i.test(rest.trim())
}

/** Is the value of this assignment a secret? `sign` and `end` are of an unquoted one. */
function isSecretValue({ name = '', value = '', sign, end }: Record<string, string | undefined>): boolean {
  const item = value.replace(/^(?:bearer|basic|token|apikey) /i, '')
  if (!isSecret(name, item)) return false
  if (sign === undefined) return !/\s\S+\s\S+\s/.test(value) // a sentence is not a secret
  if (random.test(item.padEnd(12, item)) || (item !== value && item.length > 7) || /^[A-Z_\d]+=$/.test(name + sign)) return true
  return end !== undefined && !describing.test(value) && !secretName.test(words(value)) // one word up to the end of the line
}

function maskValues(text: string, form: RegExp): string {
  let [result, done] = ['', 0]
  for (const { 0: start, index, groups = {} } of text.matchAll(form)) {
    const at = index + start.length
    if (at < done || !isSecretValue(groups)) continue
    result += text.slice(done, at) + mask
    done = at + (groups.value ?? '').length
  }
  return result + text.slice(done)
}

/** @param own secrets of this server, which must appear nowhere */
export function createRedactor(own: readonly string[]): Redactor {
  // Longest first: one secret may start with another.
  const known = [...new Set(own)].filter(({ length }) => length >= 4).sort((a, b) => b.length - a.length)
  /** Without the rules for words, which would change names. */
  const strong = (value: string): string =>
    known.reduce((text, secret) => text.replaceAll(secret, mask), value).replace(issued, mask)
  const clean = (value: string): string => {
    // Half a secret in front of the mark would not be detected.
    let text = strong(value.endsWith(cutMark) ? `${value.slice(0, -500)}…[cut]` : value)
    for (const place of places) text = text.replace(place, `$1${mask}`)
    return assignments.reduce(maskValues, text)
  }
  const member = /"([^"\\]{1,100})"(\s{0,8}:\s{0,8})"((?:[^"\\]|\\.)*)"/g
  const cleanJson = (json: string): string =>
    json.replace(member, (_, key, colon, item) => `"${key}"${colon}"${visit(item, key, true)}"`)

  const visit = (value: unknown, name: string | undefined, header: boolean): unknown => {
    if (typeof value === 'string') {
      const isSecretHeader = header && !harmlessHeader.test(name ?? '') && random.test(value.padEnd(12, value))
      return value !== '' && (isSecret(name, value) || isSecretHeader) ? mask : clean(value)
    }
    if (typeof value === 'number') return isSecret(name, String(value)) ? mask : value
    if (Array.isArray(value)) return value.map((item) => visit(item, name, header))
    if (!isObject(value)) return value
    if (typeof value.type !== 'string' || !isObject(value.parameters)) return visitMembers(value, name, header)
    const { position: _drawn, webhookId, ...node } = value
    const title = typeof node.name === 'string' ? { name: strong(node.name) } : {} // as in the connections
    const cleaned = { ...visitMembers(node, undefined, false), ...title }
    if (typeof webhookId !== 'string' || webhookId.length < 8) return cleaned
    return JSON.parse(JSON.stringify(cleaned).replaceAll(JSON.stringify(webhookId).slice(1, -1), mask))
  }

  const visitMembers = (value: JsonObject, parent: string | undefined, header: boolean): JsonObject => {
    // {name: 'Authorization', value: '…'} is n8n's form of headers, parameters of a query, and fields.
    const pair = [value.name, value.key, value.parameterName].find((each) => typeof each === 'string') as string | undefined
    // Members of an object that is named like a secret are secrets, except those that say of which kind they are.
    const isInSecret = parent !== undefined && secretName.test(words(parent))
    const members = Object.entries(value).map(([key, item]): [string, unknown] => {
      if (key === 'credentials' && isObject(item)) return [key, Object.keys(item)]
      if (/^(jsonHeaders|headerParametersJson)$/i.test(key) && typeof item === 'string') return [key, cleanJson(item)]
      if (pair !== undefined && /value$|^default/i.test(key)) return [key, visit(item, pair, header)]
      const name = isInSecret && !/^(name|type|id|key|mode)$/.test(key) ? parent : key
      return [key, visit(item, name, typeof item === 'object' && (header || /^headerParameters/i.test(key)))]
    })
    return Object.fromEntries(members.filter(([key]) => !dropped.has(key)))
  }

  return Object.assign((value: unknown) => visit(value, undefined, false), { inName: strong })
}
