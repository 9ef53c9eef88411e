// The command mcp-conformance: options, progress, report, exit code. 0: conforms; 1: a MUST is not met, or the server went silent or
// died; 2: usage, or no server there (refused, 404, credentials wanted).
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { addressOf, type Case } from './case.ts'
import { CASES } from './cases/index.ts'
import { Unreachable } from './detect.ts'
import { isObject, type JsonObject, parse } from './expect.ts'
import { UnknownTool } from './facts.ts'
import { jsonReport } from './report/json.ts'
import { junitReport } from './report/junit.ts'
import { markdownReport } from './report/markdown.ts'
import { textReport } from './report/text.ts'
import { coverageText } from './requirements/index.ts'
import { isRevision, REVISIONS, type Revision, type TransportName } from './revisions.ts'
import { exitCodeOf, type RunOptions, runConformance } from './run.ts'
import type { NamedCall, RunReport } from './types.ts'

const HELP = `Usage: mcp-conformance URL [options]

Tests the MCP server at URL (its SSE URL or its MCP endpoint) against the specification.

  --transport sse|http    HTTP+SSE or Streamable HTTP; default: found out
  --revision REVISION     test this revision only (repeatable); default: every revision the server accepts
  --header 'NAME: VALUE'  send this header with every request (repeatable)
  --tool NAME             a tool that may be called although it is not marked read-only (repeatable)
  --args JSON             the only arguments for the --tool before it; default: any that its schema allows
  --only PREFIX           only cases whose id starts with PREFIX (repeatable)
  --strict                any failure ends with 1, not only that of a MUST
  --slow                  also the cases that wait for a keep-alive
  --timeout-ms N          time limit of one answer; default 5000
  --show-results          show what tools return, instead of its length, type and shape
  --format text|json|junit|markdown
  --output FILE           write the report there instead of to standard output
  --list                  list the cases, and how many requirements of each revision they cover
  --explain ID            tell what a case demands
  --help, --version

Exit codes: 0 conforms; 1 a MUST is not met, or the server went silent or died; 2 usage, connection refused, HTTP 404, or credentials wanted;
130 and 143 interrupted by SIGINT or SIGTERM, after a report of what was tested.
`

class UsageError extends Error {}

const OPTIONS = {
  transport: { type: 'string' },
  revision: { type: 'string', multiple: true },
  header: { type: 'string', multiple: true },
  tool: { type: 'string', multiple: true },
  args: { type: 'string', multiple: true },
  only: { type: 'string', multiple: true },
  strict: { type: 'boolean', default: false },
  slow: { type: 'boolean', default: false },
  'show-results': { type: 'boolean', default: false },
  'timeout-ms': { type: 'string' },
  format: { type: 'string', default: 'text' },
  output: { type: 'string' },
  list: { type: 'boolean', default: false },
  explain: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const

const FORMATS = ['text', 'json', 'junit', 'markdown'] as const

/** Where the command writes; `process` will do. */
interface Streams {
  stdout: Output
  stderr: Output
}

interface Output {
  write(text: string): unknown
  isTTY?: boolean | undefined
  columns?: number | undefined
}

/** Runs the command with these arguments and gives its exit code. */
export async function main(argv: string[], streams: Streams = process): Promise<number> {
  try {
    return await run(argv, streams)
  } catch (error) {
    if (
      error instanceof UsageError ||
      (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
    ) {
      streams.stderr.write(`mcp-conformance: ${error.message}\nTry mcp-conformance --help\n`)
      return 2
    }
    if (error instanceof Unreachable || error instanceof UnknownTool) {
      streams.stderr.write(`mcp-conformance: ${error.message}\n`)
      return 2
    }
    throw error
  }
}

async function run(argv: string[], streams: Streams): Promise<number> {
  const print = (text: string): number => {
    streams.stdout.write(text)
    return 0
  }
  const { values, positionals, tokens } = parseArgs({ args: argv, options: OPTIONS, allowPositionals: true, tokens: true })
  if (values.help) return print(HELP)
  if (values.version) return print(`${version()}\n`)
  if (values.explain !== undefined) return print(explain(values.explain))
  const only = values.only
  if (values.list) return print(list(only))
  const [url, ...more] = positionals
  if (url === undefined) throw new UsageError('a URL is missing')
  if (more.length > 0) throw new UsageError(`one URL, not ${positionals.length}`)
  const format =
    FORMATS.find((name) => name === values.format) ?? usage(`--format is text, json, junit or markdown, not ${values.format}`)
  if (only !== undefined && !CASES.some((item) => only.some((prefix) => item.id.startsWith(prefix))))
    usage(`no case starts with ${only.join(' or ')}`)
  const progress = new Progress(streams.stderr)
  const options: RunOptions = {
    url: urlOf(url),
    headers: headersOf(values.header ?? []),
    calls: callsOf(tokens),
    slow: values.slow,
    showResults: values['show-results'],
    onStart: (about) => progress.start(about),
    onResult: (result, done, total) => progress.step(result.id, result.revision, done, total),
    ...(values.transport === undefined ? {} : { transport: transportOf(values.transport) }),
    ...(values.revision === undefined ? {} : { revisions: values.revision.map(revisionOf) }),
    ...(only === undefined ? {} : { only }),
    ...(values['timeout-ms'] === undefined ? {} : { timeoutMs: millisecondsOf(values['timeout-ms']) }),
  }
  checkWritable(values.output)
  const interruption = new Interruption()
  try {
    const report = await runConformance({ ...options, signal: interruption.signal })
    progress.end()
    const color = values.output === undefined && streams.stdout.isTTY === true && process.env.NO_COLOR === undefined
    write(render(report, format, values.strict, color), values.output, streams.stdout)
    return interruption.exitCode ?? exitCodeOf(report, values.strict)
  } catch (error) {
    if (interruption.exitCode === undefined) throw error
    streams.stderr.write('mcp-conformance: interrupted before the first case\n')
    return interruption.exitCode
  } finally {
    interruption.end()
  }
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/** Turns the first SIGINT or SIGTERM into an abort, so that what was tested is reported; the second one ends the process. */
class Interruption {
  readonly #controller = new AbortController()
  exitCode: number | undefined

  constructor() {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, this.#interrupt)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  end(): void {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, this.#interrupt)
  }

  readonly #interrupt = (name: 'SIGINT' | 'SIGTERM'): void => {
    this.exitCode = SIGNALS[name]
    this.end()
    this.#controller.abort(name)
  }
}

function render(report: RunReport, format: (typeof FORMATS)[number], strict: boolean, color: boolean): string {
  if (format === 'json') return jsonReport(report)
  if (format === 'junit') return junitReport(report, strict)
  if (format === 'markdown') return markdownReport(report, strict)
  return textReport(report, { color, strict })
}

/** Half a minute of tests is not to be lost over a folder that does not exist. */
function checkWritable(file: string | undefined): void {
  if (file === undefined) return
  try {
    closeSync(openSync(file, 'a'))
  } catch (error) {
    usage(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function write(text: string, file: string | undefined, stdout: Output): void {
  if (file === undefined) stdout.write(text)
  else writeFileSync(file, text)
}

function usage(problem: string): never {
  throw new UsageError(problem)
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : usage(`not a URL: ${text}`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') usage(`an http or https URL, not ${url.protocol}`)
  return url
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const [, name, value] =
      /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(line) ?? usage(`--header is 'NAME: VALUE', not ${line}`)
    if (name !== undefined && value !== undefined) headers[name] = value
  }
  return headers
}

interface Token {
  kind: string
  name?: string
  value?: string | undefined
}

/** Each --args belongs to the --tool before it. */
function callsOf(tokens: readonly Token[]): NamedCall[] {
  const calls: NamedCall[] = []
  for (const { kind, name, value = '' } of tokens) {
    if (kind !== 'option') continue
    if (name === 'tool') calls.push({ name: value })
    if (name !== 'args') continue
    const call = calls.at(-1) ?? usage('--args comes after the --tool it belongs to')
    call.args = objectOf(value)
  }
  return calls
}

function objectOf(text: string): JsonObject {
  const value = parse(text)
  return isObject(value) ? value : usage(`--args is a JSON object, not ${text}`)
}

function transportOf(text: string): TransportName {
  return text === 'sse' || text === 'http' ? text : usage(`--transport is sse or http, not ${text}`)
}

function revisionOf(text: string): Revision {
  return isRevision(text) ? text : usage(`--revision is one of ${REVISIONS.join(', ')}, not ${text}`)
}

function millisecondsOf(text: string): number {
  const ms = Number(text)
  return Number.isInteger(ms) && ms > 0 ? ms : usage(`--timeout-ms is a positive number, not ${text}`)
}

function list(only: readonly string[] | undefined): string {
  const cases = CASES.filter((item) => only === undefined || only.some((prefix) => item.id.startsWith(prefix)))
  const rows = cases.map(
    (item) => `${item.level.padEnd(8)}${range(item).padEnd(26)}${(item.transport ?? 'both').padEnd(6)}${item.id}`,
  )
  return `${rows.join('\n')}\n\n${cases.length} cases\n${coverageText()}`
}

function range(item: Case): string {
  return item.since === undefined && item.until === undefined ? 'all' : `${item.since ?? '…'} to ${item.until ?? '…'}`
}

function explain(id: string): string {
  const item = CASES.find((candidate) => candidate.id === id) ?? usage(`no case has the id ${id}: see --list`)
  const revision = REVISIONS.filter(
    (candidate) => (item.since ?? candidate) <= candidate && (item.until ?? candidate) >= candidate,
  ).at(-1)
  const lines = [
    item.id,
    '',
    `  ${item.quote}`,
    '',
    `  level      ${item.level}`,
    `  revisions  ${range(item)}`,
    `  transport  ${item.transport ?? 'both'}`,
  ]
  if (item.breaks !== undefined) lines.push(`  breaks     ${item.breaks}`)
  if (item.needs !== undefined) lines.push(`  needs      ${item.needs.join(', ')}`)
  const url = revision === undefined ? '' : addressOf(item, revision)
  if (url !== '') lines.push(`  see        ${url}`)
  return `${lines.join('\n')}\n`
}

function version(): string {
  // One level up in the sources, two in dist.
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }
      return version
    } catch {
      // not here
    }
  }
  return 'unknown'
}

/** On standard error: a line that rewrites itself on a terminal, otherwise a line for each revision. */
class Progress {
  readonly #stderr: Output
  readonly #isTerminal: boolean
  #revision = ''

  constructor(stderr: Output) {
    this.#stderr = stderr
    this.#isTerminal = stderr.isTTY === true
  }

  start({ transport, revisions, total }: { transport: TransportName; revisions: readonly Revision[]; total: number }): void {
    this.#stderr.write(`${transport}, ${revisions.join(', ')}: ${total} cases\n`)
  }

  step(id: string, revision: string, done: number, total: number): void {
    if (this.#isTerminal)
      this.#stderr.write(`\r\u001b[K[${done}/${total}] ${revision} ${id}`.slice(0, (this.#stderr.columns ?? 80) + 5))
    else if (revision !== this.#revision) this.#stderr.write(`[${done}/${total}] ${revision}\n`)
    this.#revision = revision
  }

  end(): void {
    if (this.#isTerminal) this.#stderr.write('\r\u001b[K')
  }
}
