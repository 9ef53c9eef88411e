// `octet status`: asks running servers how they are, and sets their answers into one table.
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { renderColumns } from '../host/columns.ts'

export interface StatusOptions {
  /** Base addresses, or any address a client was given: `…/sse`, `…/mcp`, `…/ready`. */
  readonly urls: readonly string[]
  readonly token: string | undefined
}

interface Row {
  readonly ready: boolean
  readonly cells: readonly string[]
}

/** As /ready shows it to those who may see it. */
interface Entry {
  state: string
  since: string
  error?: string
  message?: string
  tools: number
  calls: number
  errors: number
  last_error?: { at: string; tool: string; code: string }
}

/** Longer than the five seconds that /ready gives a backend. */
const answerLimitMs = 8_000
const maxAnswerBytes = 1_048_576
const head = ['server', 'alive', 'backend', 'since', 'tools', 'calls', 'errors', 'last error']

/** Returns the table, and whether everything that was asked is ready. Never rejects: what cannot be reached is a row. */
export async function status({ urls, token }: StatusOptions): Promise<{ table: string; ready: boolean }> {
  const rows = (await Promise.all(urls.map((url) => ask(url, token)))).flat()
  const table = renderColumns([head, ...rows.map(({ cells }) => cells)])
  return { table, ready: rows.every(({ ready }) => ready) }
}

async function ask(url: string, token: string | undefined): Promise<Row[]> {
  const address = readyAddress(url)
  if (address === undefined) return [notReached(url, 'no http(s) address')]
  const name = address.host + address.pathname.replace(/\/ready$/, '')
  let body: { status?: unknown; servers?: Record<string, Entry> }
  try {
    const { statusCode, text } = await get(address, token)
    if (statusCode !== 200 && statusCode !== 503) return [notReached(name, `answers ${statusCode} at ${address.pathname}`)]
    body = JSON.parse(text)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return [notReached(name, error instanceof SyntaxError ? 'answers, but not as these servers do' : (code ?? message))]
  }
  const { servers } = body
  if (servers !== undefined)
    return Object.entries(servers).map(([server, entry]) => rowOf(server, entry, body.status === 'stopping'))
  if (typeof body.status !== 'string') return [notReached(name, 'answers, but not as these servers do')]
  const why = `${body.status}; details need the token (MCP_AUTH_TOKEN)`
  return [{ ready: body.status === 'ready', cells: [name, 'yes', why] }]
}

function rowOf(server: string, entry: Entry, stopping: boolean): Row {
  const { state, since, error, message, tools, calls, errors, last_error: last } = entry
  const backend = `${state.replace('_', ' ')}${message === undefined ? (error === undefined ? '' : `: ${error}`) : `: ${message}`}`
  const lastError = last === undefined ? '-' : `${last.code} ${last.tool} ${last.at}`
  const alive = stopping ? 'stopping' : 'yes'
  return {
    ready: state === 'ok' && !stopping,
    cells: [server, alive, backend.slice(0, 120), since, String(tools), String(calls), String(errors), lastError],
  }
}

function notReached(name: string, why: string): Row {
  return { ready: false, cells: [name, `no: ${why}`] }
}

function readyAddress(text: string): URL | undefined {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`
  if (!URL.canParse(withScheme)) return undefined
  const url = new URL(withScheme)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
  url.pathname = `${url.pathname.replace(/\/(sse|mcp|messages|ready|health|metrics)?$/, '')}/ready`
  url.search = ''
  return url
}

function get(url: URL, token: string | undefined): Promise<{ statusCode: number; text: string }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => sent.destroy(new Error(`no answer within ${answerLimitMs} ms`)), answerLimitMs)
    const request = url.protocol === 'https:' ? requestHttps : requestHttp
    const sent = request(url, { headers, agent: false }, (answer: IncomingMessage) => {
      const chunks: Buffer[] = []
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > maxAnswerBytes) sent.destroy(new Error('answers, but not as these servers do'))
        else chunks.push(chunk)
      })
      answer.on('error', reject)
      answer.on('end', () => resolve({ statusCode: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }))
    })
    sent.on('error', reject)
    sent.on('close', () => clearTimeout(late))
    sent.end()
  })
}
