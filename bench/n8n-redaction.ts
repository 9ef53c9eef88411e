// npx tsx bench/n8n-redaction.ts FOLDER: how many planted secrets the redactor of servers/n8n hides, and how many harmless strings it masks, on
// the workflows (*.json) in FOLDER. Secrets and the places they are put into are made here, from issuers' documented formats.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRedactor } from '../servers/n8n/lib/redact.ts'

type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

const plantings = 6_000
let seed = 20_261_127
/** mulberry32 */
function next(): number {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}
const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T
const chars = (alphabet: string, count: number): string => Array.from({ length: count }, () => pick([...alphabet])).join('')
const lower = 'abcdefghijklmnopqrstuvwxyz'
const digits = '0123456789'
const alnum = lower + lower.toUpperCase() + digits
const hex = `${digits}abcdef`
const word = `${alnum}_-`

const issued: Record<string, () => string> = {
  openai: () => `sk-proj-${chars(word, 74)}T3BlbkFJ${chars(word, 74)}`,
  'openai, old': () => `sk-${chars(alnum, 20)}T3BlbkFJ${chars(alnum, 20)}`,
  anthropic: () => `sk-ant-api03-${chars(word, 93)}AA`,
  openrouter: () => `sk-or-v1-${chars(hex, 64)}`,
  stripe: () => `${pick(['sk', 'rk'])}_live_${chars(alnum, 24)}`,
  'stripe webhook': () => `whsec_${chars(alnum, 32)}`,
  github: () => `${pick(['ghp', 'gho', 'ghs'])}_${chars(alnum, 36)}`,
  'github, fine': () => `github_pat_${chars(alnum, 22)}_${chars(alnum, 59)}`,
  gitlab: () => `glpat-${chars(word, 20)}`,
  'slack bot': () => `xoxb-${chars(digits, 12)}-${chars(digits, 13)}-${chars(alnum, 24)}`,
  'slack app': () => `xapp-1-A${chars(alnum.toUpperCase(), 10)}-${chars(digits, 13)}-${chars(hex, 64)}`,
  aws: () => `AKIA${chars(`${lower.toUpperCase()}234567`, 16)}`,
  google: () => `AIza${chars(word, 35)}`,
  'google oauth': () => `GOCSPX-${chars(word, 28)}`,
  sendgrid: () => `SG.${chars(word, 22)}.${chars(word, 43)}`,
  huggingface: () => `hf_${chars(alnum, 34)}`,
  npm: () => `npm_${chars(alnum, 36)}`,
  airtable: () => `pat${chars(alnum, 14)}.${chars(hex, 64)}`,
  hubspot: () => `pat-na1-${uuid()}`,
  notion: () => `ntn_${chars(digits, 11)}${chars(alnum, 35)}`,
  'notion, old': () => `secret_${chars(alnum, 43)}`,
  groq: () => `gsk_${chars(alnum, 52)}`,
  perplexity: () => `pplx-${chars(alnum, 48)}`,
  linear: () => `lin_api_${chars(alnum, 40)}`,
  xai: () => `xai-${chars(alnum, 80)}`,
  tavily: () => `tvly-${chars(alnum, 32)}`,
  replicate: () => `r8_${chars(alnum, 37)}`,
  telegram: () => `${chars('123456789', 1)}${chars(digits, 9)}:AA${chars(word, 33)}`,
  mailgun: () => `key-${chars(hex, 32)}`,
  mailchimp: () => `${chars(hex, 32)}-us${chars('123456789', 1)}`,
  digitalocean: () => `dop_v1_${chars(hex, 64)}`,
  shopify: () => `shpat_${chars(hex, 32)}`,
  atlassian: () => `ATATT3xFfGF0${chars(word, 170)}`,
  supabase: () => `eyJhbGciOiJIUzI1NiJ9.eyJ${chars(alnum, 60)}.${chars(word, 43)}`,
}
/** Secrets without a form of their own. */
const plain: Record<string, () => string> = {
  'hex of 32': () => chars(hex, 32),
  'hex of 40': () => chars(hex, 40),
  'letters and digits': () => chars(alnum, 24 + Math.floor(next() * 20)),
  base64: () => `${chars(`${alnum}+/`, 43)}=`,
  uuid: () => uuid(),
  password: () =>
    `${pick(['Summer', 'Welcome', 'hunter', 'Tr0ub4dor', 'acme'])}${pick(['!', '-', '#', '_', ''])}${chars(digits, 4)}`,
}

/** Where a secret with a name is put: n8n's forms, URLs, code, JSON, commands and prose. */
const named: Record<string, (secret: string) => Json> = {
  'header Authorization': (s) => headers('Authorization', `Bearer ${s}`),
  'header with a name': (s) =>
    headers(
      pick([
        'X-Auth-Key',
        'Ocp-Apim-Subscription-Key',
        'X-API-Key',
        'xi-api-key',
        'X-RapidAPI-Key',
        'PRIVATE-TOKEN',
        'Cookie',
        'DD-API-KEY',
      ]),
      s,
    ),
  'headers as JSON': (s) => ({ jsonHeaders: `{"Accept":"*/*","${pick(['X-Auth-Token', 'apikey', 'Authorization'])}":"${s}"}` }),
  'parameter of a query': (s) => ({
    queryParameters: {
      parameters: [{ name: pick(['api_key', 'appid', 'access_token', 'apikey', 'token', 'pass', 'auth_key']), value: s }],
    },
  }),
  'parameter of a body': (s) => ({
    bodyParameters: {
      parameters: [
        {
          name: pick(['password', 'pw', 'pass', 'appKey', 'consumer_key', 'client_secret', 'refresh_token', 'passwd']),
          value: s,
        },
      ],
    },
  }),
  'assignment of a Set node': (s) => ({
    assignments: {
      assignments: [
        {
          id: uuid(),
          name: pick(['apiKey', 'clientSecret', 'ElevenLabs API Key', 'dbPassword', 'bot_token', 'OPENAI_API_KEY', 'Passwort']),
          value: s,
          type: 'string',
        },
      ],
    },
  }),
  'value of an old Set node': (s) => ({
    values: { string: [{ name: pick(['token', 'secret', 'password', 'api key']), value: s }] },
  }),
  'member of an object': (s) => ({
    options: { [pick(['accessKey', 'apiToken', 'webhookSecret', 'signingKey', 'authToken'])]: s },
  }),
  'query of a URL': (s) => ({
    url: `https://api.example.com/v1/items?page=2&${pick(['api_key', 'appid', 'access_token', 'key', 'token', 'apiKey'])}=${encodeURIComponent(s)}`,
  }),
  'userinfo of a URL': (s) => ({
    url: `${pick(['https', 'postgres', 'mongodb+srv', 'amqp'])}://admin:${encodeURIComponent(s)}@db.example.com/main`,
  }),
  'JSON of a body': (s) => ({
    jsonBody: `={\n  "user": "{{ $json.user }}",\n  "${pick(['password', 'apiKey', 'client_secret', 'access_token'])}": "${s}"\n}`,
  }),
  'JavaScript constant': (s) => ({
    jsCode: `const ${pick(['apiKey', 'API_KEY', 'token', 'dbPassword', 'clientSecret', 'AUTH_TOKEN'])} = '${s}';\nreturn items`,
  }),
  'JavaScript member': (s) => ({
    jsCode: `const res = await this.helpers.httpRequest({ url, headers: { '${pick(['X-Api-Key', 'x-auth-token', 'api-key'])}': "${s}" } })`,
  }),
  'JavaScript bearer': (s) => ({ jsCode: `headers: { Authorization: \`Bearer ${s}\` }` }),
  'Python assignment': (s) => ({
    pythonCode: `import os\nos.environ["${pick(['OPENAI_API_KEY', 'DB_PASSWORD', 'SECRET_KEY'])}"] = "${s}"\n${pick(['api_key', 'password', 'token'])} = None`,
  }),
  'escaped JSON': (s) => ({ jsCode: `send("{\\"client_secret\\":\\"${s}\\"}")` }),
  'JSON in a JavaScript string': (s) => ({
    jsCode: `const body = '{"user":"a","${pick(['password', 'apiKey'])}":"${s}"}'`,
  }),
  'pair in JSON': (s) => ({ jsonBody: `{"fields": [{"name": "${pick(['api_key', 'token'])}", "value": "${s}"}]}` }),
  'setting in prose': (s) => ({ content: `Note: ${pick(['password', 'apikey'])}=${s} on the test system` }),
  'name with a suffix': (s) => ({
    values: { string: [{ name: pick(['apiKey2', 'token_prod', 'passwordValue', 'api_key_live', 'SECRET_1']), value: s }] },
  }),
  'curl -H with a scheme': (s) => ({
    command: `curl -H 'Authorization: ${pick(['Basic', 'Bearer', 'Token'])} ${s}' https://api.example.com/`,
  }),
  'variable of a shell': (s) => ({
    command: `${pick(['PGPASSWORD', 'export API_KEY', 'MYSQL_PWD', 'SECRET_TOKEN'])}=${s} ./run.sh`,
  }),
  'option of a command': (s) => ({
    command: `tool sync ${pick(['--password', '--token', '--api-key', '--access-token'])}${pick([' ', '='])}${s} --all`,
  }),
  mysql: (s) => ({ command: `mysql -h db -u root -p${s} shop < dump.sql` }),
  'curl -u': (s) => ({ command: `curl -s -u admin:${s} https://api.example.com/` }),
  'curl -H': (s) => ({ command: `curl -H "${pick(['X-Api-Key', 'Authorization'])}: ${s}" https://api.example.com/` }),
  sshpass: (s) => ({ command: `sshpass -p ${pick(['', "'"])}${s} ssh root@10.0.0.5` }),
  'redis-cli': (s) => ({ command: `redis-cli -h cache -a ${s} PING` }),
  'prose, English': (s) => ({
    content: `## Setup\n${pick(['API Key', 'Password', 'Access token', 'Client secret'])}: ${s}\nThen run it.`,
  }),
  'prose, German': (s) => ({ content: `Zugang: admin\n${pick(['Passwort', 'Kennwort'])}: ${s}` }),
  'connection string': (s) => ({
    connection: `Server=db;Database=shop;Uid=sa;${pick(['Pwd', 'Password', 'AccountKey'])}=${s};Encrypt=true`,
  }),
  XML: (s) => ({ body: `<login><user>a</user><${pick(['password', 'apiKey', 'wsse:Password'])}>${s}</${'password'}></login>` }),
  YAML: (s) => ({ text: `db:\n  host: db\n  ${pick(['password', 'api_key', 'secret'])}: ${s}\n` }),
}
/** Names that say nothing. */
const unnamed: Record<string, (secret: string) => Json> = {
  'assignment of a Set node': (s) => ({
    assignments: {
      assignments: [{ id: uuid(), name: pick(['value1', 'data', 'x', 'config', 'input']), value: s, type: 'string' }],
    },
  }),
  'parameter of a query': (s) => ({ queryParameters: { parameters: [{ name: pick(['q', 'v', 'p1', 'data']), value: s }] } }),
  'JavaScript constant': (s) => ({ jsCode: `const a = '${s}';\nconst url = base + a` }),
  'path of a URL': (s) => ({ url: `https://api.example.com/${s}/items` }),
  prose: (s) => ({ content: `Use ${s} for the first call.` }),
}
const headers = (name: string, value: string): Json => ({ headerParameters: { parameters: [{ name, value }] } })
function uuid(): string {
  return [8, 4, 4, 4, 12].map((length) => chars(hex, length)).join('-')
}

const folder = process.argv[2]
if (folder === undefined) throw new Error('usage: npx tsx bench/n8n-redaction.ts FOLDER')
const workflows = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as { nodes?: Json[] })
const redact = createRedactor([]) as (value: unknown) => Json

const tally = new Map<string, { hidden: number; all: number }>()
const missed = new Map<string, string>()
function count(kind: string, isHidden: boolean): void {
  const entry = tally.get(kind) ?? { hidden: 0, all: 0 }
  entry.all += 1
  if (isHidden) entry.hidden += 1
  tally.set(kind, entry)
}

for (let i = 0; i < plantings; i++) {
  const hasName = next() >= 0.3
  const hasForm = next() < 0.5
  const kind = pick(Object.keys(hasForm ? issued : plain))
  const place = pick(Object.keys(hasName ? named : unnamed))
  const secret = ((hasForm ? issued : plain)[kind] as () => string)()
  const parameters = ((hasName ? named : unnamed)[place] as (secret: string) => Json)(secret)
  const nodes = pick(workflows).nodes ?? []
  const planted = { id: uuid(), name: 'Planted', type: 'n8n-nodes-base.set', typeVersion: 3, position: [0, 0], parameters }
  const text = JSON.stringify(redact({ nodes: [...nodes, planted] }))
  // Hidden is only what leaves no part of eight characters.
  const parts = Array.from({ length: Math.max(1, secret.length - 7) }, (_, at) => secret.slice(at, at + 8))
  const prefix = /^[A-Za-z]+[-_.]\w{0,6}[-_]?/.exec(secret)?.[0].length ?? 0
  const isHidden = parts.slice(hasForm ? Math.min(prefix, parts.length - 1) : 0).every((part) => !text.includes(part))
  const group = hasName ? 'named' : hasForm ? 'issuer format under a name that says nothing' : 'neither name nor format'
  count(group, isHidden)
  count(hasName ? `  ${place}` : `  unnamed: ${place}, ${hasForm ? 'with a format' : 'without'}`, isHidden)
  if (!isHidden) missed.set(`${group}: ${place} / ${kind}`, JSON.stringify(parameters).slice(0, 160))
}

let strings = 0
let changed = 0
let harmlessChanged = 0
const samples = new Map<string, number>()
/** Something that could be a secret: 16 characters or more with both letters and digits. */
const looksLikeSecret = /(?=[\w+/=.-]*\d)(?=[\w+/=.-]*[A-Za-z])[\w+/=.-]{16,}/
function compare(before: Json | undefined, after: Json | undefined, key: string): void {
  if (after === undefined || key === 'credentials') return
  if (typeof before === 'string') {
    strings += 1
    if (before === after) return
    changed += 1
    const at = [...before].findIndex((char, i) => char !== [...String(after)][i])
    if (!looksLikeSecret.test(before.slice(Math.max(0, at - 20), at + 60))) harmlessChanged += 1
    const sample = `${key}: ${before.slice(Math.max(0, at - 40), at + 60).replaceAll('\n', '⏎')}`
    samples.set(sample, (samples.get(sample) ?? 0) + 1)
  } else if (Array.isArray(before)) {
    for (const [i, item] of before.entries()) compare(item, Array.isArray(after) ? after[i] : undefined, key)
  } else if (typeof before === 'object' && before !== null) {
    for (const [name, item] of Object.entries(before)) compare(item, (after as Record<string, Json> | null)?.[name], name)
  }
}
for (const { nodes = [] } of workflows) compare(nodes, redact(nodes), '')

const percent = (part: number, all: number): string => `${((100 * part) / all).toFixed(2)} %`
for (const [kind, { hidden, all }] of [...tally].sort(([a], [b]) => Number(a.startsWith(' ')) - Number(b.startsWith(' '))))
  console.log(`${kind}: ${hidden} of ${all} hidden, recall ${(hidden / all).toFixed(3)}`)
console.log(`strings of ${workflows.length} workflows: ${strings}, masked ${changed} (${percent(changed, strings)}),`)
console.log(`of these without anything that looks like a secret ${harmlessChanged} (${percent(harmlessChanged, strings)})`)
if (process.argv.includes('--list')) {
  for (const [what, example] of missed) console.log(`missed ${what}: ${example}`)
  for (const [sample, n] of samples) console.log(`masked ${n}x ${sample}`)
}
