// The script of the page at `/`: reads the state every five seconds while the page is visible. Every value becomes text, never markup.
const readEveryMs = 5_000
const answerLimitMs = 15_000
/** The class (a colour and a shape) and the word of each state, in the order of the rows. */
const states = {
  down: ['bad', 'down'],
  misconfigured: ['warn', 'misconfigured'],
  unknown: ['open', 'not asked yet'],
  ok: ['good', 'ok'],
  not_configured: ['off', 'not configured'],
}
const columns = ['Server', 'State', 'Since (UTC)', 'Reason', 'Next step', 'Last hour']
const outcomes = { ok: 'good', error: 'bad', timeout: 'bad', denied: 'warn', cancelled: 'open' }

const byId = (id) => document.getElementById(id)
// The page may be at /tools as well as at /tools/, where relative addresses differ.
const address = `${location.pathname.replace(/\/$/, '')}/dashboard.json`
/** What is shown of each call, by its key. */
const entries = new Map()
let token
let timer
/** When the server last answered, by its own clock. */
let now = 0

function element(name, className, ...content) {
  const made = document.createElement(name)
  made.className = className
  made.append(...content)
  return made
}

function summarise(text, className) {
  document.title = `Octet: ${text}`
  byId('summary').className = className
  // The same text again would be read aloud again.
  if (byId('summary').textContent !== text) byId('summary').textContent = text
}

/** `14:02:11`, with the date when it is not today's. */
function clock(iso) {
  const today = new Date(now).toISOString().slice(0, 10)
  return `${iso.startsWith(today) ? '' : `${iso.slice(0, 10)} `}${iso.slice(11, 19)}`
}

function age(iso) {
  const minutes = Math.floor((now - Date.parse(iso)) / 60_000)
  if (minutes < 1) return ''
  return minutes < 120 ? ` (${minutes} min)` : ` (${Math.floor(minutes / 60)} h)`
}

function serverRow([
  name,
  {
    state,
    since,
    message = '',
    next = '',
    last_hour: { calls, errors },
  },
]) {
  const [kind, word] = states[state]
  const use = [clock(since) + age(since), message, next, `calls ${calls}, errors ${errors}`]
  const row = element('tr', '', element('th', '', name), element('td', '', element('span', kind, word)))
  for (const [i, text] of use.entries()) {
    const label = columns[i + 2]
    const cell = element('td', '', state === 'not_configured' && label !== 'Next step' ? '' : text)
    cell.dataset.label = label
    row.append(cell)
  }
  return row
}

function showServers(servers) {
  const rank = ([, { state }]) => Object.keys(states).indexOf(state)
  const rows = Object.entries(servers).sort((a, b) => rank(a) - rank(b))
  const head = element('tr', '', ...columns.map((label) => element('th', '', label)))
  const table = element('table', '', element('thead', '', head), element('tbody', '', ...rows.map(serverRow)))
  table.id = 'servers'
  // Text that is being selected stays as it is until something changes.
  if (!table.isEqualNode(byId('servers'))) byId('servers').replaceWith(table)
}

function callEntry(call) {
  const { ts, user, principal, server, tool, outcome, error_code, error_text, duration_ms, args, trace_id } = call
  const columns = [
    ['', clock(ts)],
    ['', user ?? principal],
    ['', `${server} ${tool ?? ''}`],
    [outcomes[outcome], `${outcome} ${error_code ?? ''}`],
    ['', `${duration_ms} ms`],
  ]
  const details = {
    Arguments: args === undefined ? 'not recorded' : JSON.stringify(args, null, 2),
    'The model read': error_text ?? (outcome === 'ok' ? 'the result' : 'not recorded'),
    'Trace id': trace_id ?? 'none was sent',
    'Token of': principal,
  }
  const summary = element('summary', '', ...columns.map(([kind, text]) => element('span', kind, text)))
  const list = Object.entries(details).flatMap(([term, text]) => [element('dt', '', term), element('dd', '', text)])
  return element('details', '', summary, element('dl', '', ...list))
}

/** Adds the new calls and leaves the others as they are, open or focused. An open one stays until it is closed. */
function showCalls(calls) {
  byId('no-calls').hidden = calls.length > 0
  byId('legend').hidden = calls.length === 0
  const keys = new Map(calls.map((call) => [`${call.ts} ${call.seq} ${call.rpc_id}`, call]))
  for (const [key, entry] of entries) {
    if (keys.has(key) || entry.open) continue
    entry.remove()
    entries.delete(key)
  }
  for (const [key, call] of [...keys].reverse()) {
    if (entries.has(key)) continue
    entries.set(key, callEntry(call))
    byId('calls').prepend(entries.get(key))
  }
}

function askToken(refusal) {
  token = undefined
  summarise('Enter a token to see the state of the servers', 'open')
  byId('refused').textContent = refusal
  byId('state').hidden = true
  byId('sign-in').hidden = false
  byId('token').focus()
}

async function read() {
  clearTimeout(timer)
  if (document.hidden || !byId('sign-in').hidden) return
  try {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
    const answer = await fetch(address, { headers, cache: 'no-store', signal: AbortSignal.timeout(answerLimitMs) })
    if (answer.status === 401) return askToken(token === undefined ? '' : 'This token was not accepted.')
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
    const { status, summary, servers, calls } = await answer.json()
    now = Date.parse(answer.headers.get('date'))
    document.body.className = ''
    summarise(summary, status === 'ready' ? 'good' : 'bad')
    showServers(servers)
    showCalls(calls)
    byId('state').hidden = false
  } catch (error) {
    document.body.className = 'stale'
    const since = now === 0 ? 'does not answer' : `has not answered since ${clock(new Date(now).toISOString())} UTC`
    summarise(`Octet ${since}: ${error.message}`, 'bad')
  }
  clearTimeout(timer)
  timer = setTimeout(read, readEveryMs)
}

document.addEventListener('visibilitychange', read)
byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault()
  token = byId('token').value
  byId('sign-in').reset()
  byId('sign-in').hidden = true
  read()
})
if ('signIn' in document.body.dataset) askToken('')
else read()
