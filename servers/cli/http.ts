// HTTP requests of the commands, and the addresses that they take.
import type { RequestOptions } from 'node:http'
import { urlToHttpOptions } from 'node:url'
import { openConnections, readStart } from '../kit/http/connections.ts'
import { withDeadline } from '../kit/waiting.ts'
import { parseUrl } from '../kit/web-address.ts'

/** What a call may return, images included, is far smaller. */
const maxAnswerBytes = 33_554_432

/** @throws Error when there is no answer within `limitMs`, or the connection fails */
export async function send(url: URL, options: RequestOptions, limitMs: number, body?: string) {
  const connections = openConnections(url.protocol === 'https:', { maxSockets: 1, connectMs: limitMs })
  const late = (): Error => new Error(`no answer within ${limitMs} ms`)
  try {
    return await withDeadline({ ms: limitMs, late }, async (signal) => {
      const answer = await connections.exchange({ ...urlToHttpOptions(url), ...options, signal }, body)
      const bytes = await readStart(answer, maxAnswerBytes + 1)
      if (bytes.length > maxAnswerBytes) throw new Error(`answers with more than ${maxAnswerBytes} bytes`)
      return { status: answer.statusCode ?? 0, headers: answer.headers, text: bytes.toString() }
    })
  } finally {
    connections.close()
  }
}

export function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

/**
 * The address of another path of the same server: `/ready` for `http://host/sse`.
 * @param text base address, or any address that a client was given: `…/sse`, `…/mcp`, `…/ready`
 */
export function siblingAddress(text: string, path: string): URL | undefined {
  const url = parseUrl(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return undefined
  url.pathname = `${url.pathname.replace(/\/(sse|mcp|messages|ready|health|metrics)?$/, '')}${path}`
  url.search = ''
  return url
}
