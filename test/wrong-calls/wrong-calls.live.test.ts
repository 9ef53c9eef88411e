// Errors that heal themselves: wrong calls of all 31 tools on real backends, and what happens to who follows the TRY of their errors.
// OCTET_TEST_WRONG_CALLS is the number of calls (default 620), OCTET_TEST_SEED makes others (default 1).
import assert from 'node:assert/strict'
import { renderTable } from '../../servers/host/columns.ts'
import { type Household, openHousehold, skipHousehold } from '../fixtures/household.ts'
import { postJson } from '../helpers/wire.ts'
import { show, test } from '../runner/harness.ts'
import { type Args, isArgs, type ListedTool, type RightCall, type WrongCall, wrongCalls } from './generator.ts'

const total = Number(process.env.OCTET_TEST_WRONG_CALLS ?? 620)
const seed = Number(process.env.OCTET_TEST_SEED ?? 1)
/** Calls of the browser take seconds where an element is missing. */
const browserShare = 0.4
const maxShownFailures = 15

interface Counts {
  calls: number
  answered: number
  errors: number
  argumentErrors: number
  offered: number
  succeeded: number
}

interface Reply {
  readonly isError: boolean
  readonly text: string
}

function rightCalls({ site, bucket, app }: Household, workflow: string): RightCall[] {
  const calls: [server: string, tool: string, ...args: Args[]][] = [
    [
      'postgres',
      'postgres_query',
      { database: 'shop', query: 'SELECT city, count(*) FROM customers GROUP BY city', max_rows: 10 },
    ],
    ['postgres', 'postgres_query', { query: 'SELECT o.total FROM orders o WHERE o.id = $1', params: [7], database: 'shop' }],
    ['postgres', 'postgres_list_databases', {}, { include_templates: true }],
    [
      'postgres',
      'postgres_list_tables',
      { database: 'shop', include_columns: true },
      { database: 'shop', pattern: 'ord%', sort: 'size' },
    ],
    ['postgres', 'postgres_server_info', { database: 'shop' }],
    ['postgres', 'postgres_database_sizes', { limit: 5 }],
    [
      'timescaledb',
      'tsdb_query',
      { query: "SELECT time_bucket('1 day', time) AS day, avg(celsius) FROM readings GROUP BY 1", max_rows: 20 },
    ],
    [
      'timescaledb',
      'tsdb_execute',
      { command: "UPDATE readings SET celsius = 20 WHERE room = 'attic'", dry_run: true, max_affected: 100_000 },
    ],
    ['timescaledb', 'tsdb_create_hypertable', { table_name: 'power', time_column: 'time', dry_run: true }],
    ['timescaledb', 'tsdb_show_hypertables', { schema: 'public', limit: 10 }],
    ['timescaledb', 'tsdb_show_chunks', { hypertable: 'readings', older_than: '2 days', order: 'oldest' }],
    ['timescaledb', 'tsdb_compression_stats', { hypertable: 'readings' }],
    [
      'timescaledb',
      'tsdb_add_compression',
      { hypertable: 'readings', segment_by: ['room'], compress_after: '7 days', dry_run: true },
    ],
    [
      'timescaledb',
      'tsdb_continuous_aggregate',
      {
        view_name: 'daily',
        query: "SELECT time_bucket('1 day', time) AS day, avg(celsius) FROM readings GROUP BY 1",
        dry_run: true,
      },
    ],
    ['timescaledb', 'tsdb_database_stats', {}],
    ['storage', 'minio_list_objects', { bucket_name: bucket, prefix: 'backups/', max_keys: 5 }],
    [
      'storage',
      'minio_get_object',
      { bucket_name: bucket, object_key: 'backups/2026-11-07.sql.txt', mode: 'text', max_bytes: 2_000 },
    ],
    [
      'monitoring',
      'search_logs',
      { query: `{app="${app}"} |= "failed"`, hours: 1, limit: 20 },
      { query: `sum(count_over_time({app="${app}"}[5m]))`, hours: 1 },
    ],
    ['monitoring', 'get_system_metrics', { charts: ['system.cpu'], after: 60, points: 5 }],
    ['n8n', 'n8n_list_workflows', { name: 'Live fails', limit: 5 }, { active: true }],
    ['n8n', 'n8n_get_workflow', { workflow_id: workflow, detail: 'structure' }, { workflow_id: workflow, nodes: ['Webhook'] }],
    ['n8n', 'n8n_get_database_statistics', { window_hours: 24 }],
    ['filesystem', 'read_file', { path: 'notes/note-7.md', limit: 3 }, { path: 'README.md' }],
    ['filesystem', 'list_directory', { path: 'notes', pattern: '*.md', limit: 5 }, { recursive: true, containing: 'router' }],
    ['fetch', 'fetch_web_content', { url: `${site}/about`, max_length: 1_000 }],
    ['playwright', 'navigate', { url: `${site}/` }],
    ['playwright', 'get_content', { format: 'interactive' }, { selector: 'table', format: 'markdown' }],
    ['playwright', 'evaluate', { script: 'document.querySelectorAll("tr").length' }],
    ['playwright', 'click', { selector: '#later', timeout_ms: 2_000 }],
    ['playwright', 'wait_for_selector', { selector: 'table', state: 'visible', timeout_ms: 2_000 }],
    ['playwright', 'screenshot', { selector: 'form', format: 'png' }],
    ['playwright', 'fill', { selector: 'input[name=name]', value: 'Ada', timeout_ms: 2_000 }],
  ]
  return calls.flatMap(([server, tool, ...all]) => all.map((args) => ({ server, tool, args })))
}

test.unless(skipHousehold)(
  'wrong calls are repaired or answered with a call that succeeds',
  async (signal) => {
    const house = await openHousehold()
    try {
      const call = async (tool: string, args: unknown): Promise<Reply> => {
        const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args } }
        const { result, error } = (await postJson(`${house.url}/mcp`, message, { authorization: `Bearer ${house.token}` })).json()
        if (error !== undefined) return { isError: true, text: `ERROR ${error.code}: ${error.message}` }
        return {
          isError: result.isError === true,
          text: String(result.content.find(({ type }: { type: string }) => type === 'text')?.text),
        }
      }
      const list = await postJson(
        `${house.url}/mcp`,
        { jsonrpc: '2.0', id: 1, method: 'tools/list' },
        { authorization: `Bearer ${house.token}` },
      )
      const tools: ListedTool[] = list.json().result.tools
      const workflow = /\n(\w+)\tLive fails\t/.exec((await call('n8n_list_workflows', { name: 'Live fails' })).text)?.[1] ?? ''
      const right = rightCalls(house, workflow)
      await call('navigate', { url: `${house.site}/` })
      for (const { tool, args } of right) {
        const { isError, text } = await call(tool, args)
        assert.ok(!isError || isEdition(text), `the right call ${tool} ${JSON.stringify(args)} fails: ${text}`)
      }
      const browser = new Set(right.filter(({ server }) => server === 'playwright').map(({ tool }) => tool))
      const each = Math.ceil(total / (tools.length - browser.size * (1 - browserShare)))
      const wrong = [...wrongCalls(right, tools, seed, (tool) => (browser.has(tool) ? Math.ceil(each * browserShare) : each))]
      const counts = new Map(
        tools.map(({ name }) => [name, { calls: 0, answered: 0, errors: 0, argumentErrors: 0, offered: 0, succeeded: 0 }]),
      )
      const failures: string[] = []
      const dangers: string[] = []
      const run = async ({ server, tool, sent, mistakes }: WrongCall): Promise<void> => {
        signal.throwIfAborted()
        const count = counts.get(tool) as Counts
        if (server === 'playwright') await call('navigate', { url: `${house.site}/` })
        const reply = await call(tool, sent)
        const about = `${tool} ${JSON.stringify(sent)} (${mistakes.join(', ')})\n    ${reply.text.slice(0, 600)}`
        count.calls += 1
        assert.doesNotMatch(reply.text, /^ERROR INTERNAL/, about)
        if (!reply.isError) return void (count.answered += 1)
        count.errors += 1
        const isArgument = /^ERROR (INVALID_ARGUMENT|NOT_FOUND)/.test(reply.text)
        if (isArgument) count.argumentErrors += 1
        const offer = offerOf(reply.text, tool, tools, sent)
        if (offer === undefined) {
          if (isArgument) failures.push(`no offer: ${about}`)
          return
        }
        // The example of an address, which this machine may not reach.
        if (JSON.stringify(offer.args).includes('https://example.com')) return void (count.argumentErrors -= isArgument ? 1 : 0)
        if (isArgument) count.offered += 1
        const problem = unsafe(offer, tool, server, right, tools)
        if (problem !== undefined) dangers.push(`${problem}: ${about}`)
        const second = await call(offer.tool, offer.args)
        if (!second.isError || isEdition(second.text)) count.succeeded += isArgument ? 1 : 0
        else failures.push(`the offer fails: ${about}\n    → ${second.text.slice(0, 400)}`)
      }
      // The calls of one server follow each other, because the page of the browser is the state of its calls.
      const servers = [...new Set(right.map(({ server }) => server))]
      await Promise.all(
        servers.map(async (server) => {
          for (const call of wrong.filter((each) => each.server === server)) await run(call)
        }),
      )
      const sums = [...counts.values()].reduce((a, b) => ({
        calls: a.calls + b.calls,
        answered: a.answered + b.answered,
        errors: a.errors + b.errors,
        argumentErrors: a.argumentErrors + b.argumentErrors,
        offered: a.offered + b.offered,
        succeeded: a.succeeded + b.succeeded,
      }))
      const cells = (name: string, c: Counts) =>
        [name, c.calls, c.answered, c.errors, c.argumentErrors, c.offered, c.succeeded].map(String)
      show(
        `seed ${seed}\n${renderTable(
          ['tool', 'calls', 'answered', 'errors', 'of arguments', 'with a call', 'it succeeds'],
          [...[...counts].map(([name, count]) => ({ cells: cells(name, count) })), { cells: cells('all', sums) }],
        )}`,
      )
      assert.deepEqual(dangers, [])
      const shown = failures.slice(0, process.env.OCTET_TEST_WRONG_CALLS === undefined ? maxShownFailures : 10_000).join('\n')
      assert.ok(
        sums.succeeded >= 0.95 * sums.offered,
        `${sums.succeeded} of ${sums.offered} offered calls succeed, seed ${seed}\n${shown}`,
      )
      assert.ok(
        sums.offered >= 0.9 * sums.argumentErrors,
        `${sums.offered} of ${sums.argumentErrors} errors offer a call, seed ${seed}\n${shown}`,
      )
    } finally {
      await house.close()
    }
  },
  { timeoutMs: 60_000 + total * 1_000 },
)

/** The Apache edition of TimescaleDB cannot do it, however the call is written. */
function isEdition(text: string): boolean {
  return /Community \(TSL\) edition/.test(text)
}

/** The call behind TRY: arguments for the same tool, or the name of a tool before them. */
function offerOf(
  text: string,
  tool: string,
  tools: readonly ListedTool[],
  sent: unknown,
): { tool: string; args: Args } | undefined {
  const hint = / TRY: ([\s\S]*)$/.exec(text)?.[1]
  const start = hint?.indexOf('{') ?? -1
  if (hint === undefined || start === -1) return undefined
  const word = /(\w+) $/.exec(hint.slice(0, start))?.[1]
  const other = tools.find(({ name }) => name === word)?.name
  for (let end = hint.length; end > start; end = hint.lastIndexOf('}', end - 1)) {
    try {
      const args: unknown = JSON.parse(hint.slice(start, end + 1))
      // What must not be repeated, such as what is typed into a form, is left to the caller.
      const kept = hint.startsWith('the same call with') && isArgs(sent) ? sent : {}
      if (isArgs(args)) return { tool: other ?? tool, args: { ...kept, ...args } }
    } catch {
      // not the end of the object
    }
  }
  return undefined
}

/** Why nobody should follow an offer: it changes more than what was asked, or is of another server. */
function unsafe(
  offer: { tool: string; args: Args },
  tool: string,
  server: string,
  right: readonly RightCall[],
  tools: readonly ListedTool[],
): string | undefined {
  const to = right.find((call) => call.tool === offer.tool)?.server
  if (to !== server) return `the offer is of ${to}`
  const changes = (name: string) => tools.find((each) => each.name === name)?.annotations?.readOnlyHint !== true
  if (changes(offer.tool) && !changes(tool) && offer.args.dry_run !== true) return 'the offer changes something'
  return /\b(drop|delete|truncate)\b/i.test(JSON.stringify(offer.args)) ? 'the offer destroys something' : undefined
}
