// `octet status`: asks running servers how they are, and sets their answers into one table.
import { parseArgs } from 'node:util'
import { hasColours, type Row, reasonsOf, renderTable } from '../host/columns.ts'
import type { ServerState } from '../host/state.ts'
import { askReady, type Ready, readHere } from './running.ts'

const head = ['server', 'state', 'since', 'tools', 'calls', 'errors']

/** Exit code 1 unless every configured server of every process is ready, and there is one. */
export async function status(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } })
  const { url: here, token } = readHere()
  const urls = positionals.length > 0 ? positionals : [here]
  const answers = await Promise.all(urls.map(async (url) => [url, await askReady(url, token)] as const))
  if (values.json === true) process.stdout.write(`${JSON.stringify(Object.fromEntries(answers), undefined, 2)}\n`)
  else {
    const rows = answers.flatMap(([url, answer]) => rowsOf(url, answer, urls.length > 1))
    process.stdout.write(`${renderTable(head, rows, hasColours(process.stdout))}\n`)
  }
  process.exitCode = allReady(answers.map(([, answer]) => answer)) ? 0 : 1
}

/** With several processes, such as one for each container, one without any configured server is no failure. */
function allReady(answers: readonly Ready[]): boolean {
  const isReady = ({ status }: Ready): boolean => status === 'ready'
  const isIdle = ({ status, audit, servers = {} }: Ready): boolean =>
    status === 'not ready' && audit?.written === true && Object.values(servers).every(({ state }) => state === 'not_configured')
  return answers.some(isReady) && answers.every((answer) => isReady(answer) || isIdle(answer))
}

function rowsOf(url: string, { servers, status, audit, error }: Ready, several: boolean): Row[] {
  if (servers === undefined) {
    const notes = [error ?? 'details need the token: set MCP_AUTH_TOKEN']
    return [{ cells: [url, status], notes, mark: status === 'ready' ? undefined : 'bad' }]
  }
  const rows = Object.entries(servers)
    .sort(([, a], [, b]) => Number(a.state === 'not_configured') - Number(b.state === 'not_configured'))
    .map(([name, server]) => rowOf(name, server, several ? [`at ${url}`] : []))
  if (status === 'stopping') rows.push({ cells: [url, 'stopping'], mark: 'bad' })
  if (audit?.written === false) {
    const notes = ['the last record could not be written; the log of the process says why']
    rows.push({ cells: ['audit trail', 'down'], notes, mark: 'bad' })
  }
  return rows
}

function rowOf(name: string, server: ServerState, at: readonly string[]): Row {
  const { state, since, tools, calls, errors, last_error: last } = server
  const off = state === 'not_configured'
  const when = off ? '' : since.replace(/\.\d+Z$/, 'Z')
  const failure = last === undefined ? [] : [`last error: ${last.code} in ${last.tool} at ${last.at}`]
  const notes = [...at, ...reasonsOf(server), ...failure]
  const mark = off ? 'off' : state === 'ok' ? undefined : 'bad'
  const cells = [name, state.replace('_', ' '), when, String(tools), String(calls), String(errors)]
  return { cells, notes, mark }
}
