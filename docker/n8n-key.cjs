// For the demonstration: claims a new n8n, and writes an API key that may only read to where mcp-n8n looks for it. n8n has no other way to
// make a key than the calls of its own editor. Does nothing when the key is there.
const { readFileSync, writeFileSync, renameSync } = require('node:fs')
const { setTimeout: sleep } = require('node:timers/promises')

const base = process.env.N8N_API_URL || 'http://n8n:5678'
const folder = '/run/octet/n8n'
const patienceMs = 180_000
const keyDays = 365

/** Asks with the cookies so far. @throws Error for any status but 2xx */
async function call(method, path, body, cookie) {
  const headers = { 'content-type': 'application/json', 'browser-id': 'octet', ...(cookie ? { cookie } : {}) }
  const res = await fetch(base + path, { method, headers, body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) })
  if (!res.ok) throw new Error(`${method} ${path}: ${res.status}`)
  return {
    data: (await res.json()).data,
    cookie: res.headers
      .getSetCookie()
      .map((each) => each.split(';')[0])
      .join('; '),
  }
}

async function main() {
  if (readFileSync(`${folder}/api-key`, 'utf8') !== 'not-made-yet') return
  const password = readFileSync(`${folder}/owner-password`, 'utf8')
  const email = 'owner@example.test'
  const end = Date.now() + patienceMs
  const login = () => call('POST', '/rest/login', { emailOrLdapLoginId: email, password })
  let session
  while (session === undefined) {
    try {
      session = await login()
    } catch (error) {
      if (Date.now() > end) throw error
      await call('POST', '/rest/owner/setup', { email, firstName: 'Octet', lastName: 'Demonstration', password }).catch(() => {})
      await sleep(1_000)
    }
  }
  const expiresAt = Math.floor(Date.now() / 1_000) + keyDays * 86_400
  const scopes = ['workflow:read', 'workflow:list', 'execution:list']
  const { data } = await call('POST', '/rest/api-keys', { label: 'mcp-n8n', expiresAt, scopes }, session.cookie)
  writeFileSync(`${folder}/api-key.new`, data.rawApiKey, { mode: 0o444 })
  renameSync(`${folder}/api-key.new`, `${folder}/api-key`)
  process.stdout.write('made the API key of mcp-n8n\n')
}

main().catch((error) => {
  process.stderr.write(`no API key: ${error.message}\n`)
  process.exit(1)
})
