// HTTP requests of the commands, and the addresses that they take.
import { type IncomingHttpHeaders, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

/** What a call may return, images included, is far smaller. */
const maxAnswerBytes = 33_554_432

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** @throws Error when there is no answer within `limitMs`, or the connection fails */
export function send(url: URL, options: RequestOptions, limitMs: number, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => sent.destroy(new Error(`no answer within ${limitMs} ms`)), limitMs)
    const request = url.protocol === 'https:' ? requestHttps : requestHttp
    const sent = request(url, { ...options, agent: false }, (answer: IncomingMessage) => {
      const chunks: Buffer[] = []
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > maxAnswerBytes) sent.destroy(new Error(`answers with more than ${maxAnswerBytes} bytes`))
        else chunks.push(chunk)
      })
      answer.on('error', reject)
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    sent.on('error', reject)
    sent.on('close', () => clearTimeout(late))
    sent.end(body)
  })
}

export function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

/**
 * The address of another path of the same server: `/ready` for `http://host/sse`.
 * @param text base address, or any address that a client was given: `…/sse`, `…/mcp`, `…/ready`
 */
export function siblingAddress(text: string, path: string): URL | undefined {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`
  if (!URL.canParse(withScheme)) return undefined
  const url = new URL(withScheme)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
  url.pathname = `${url.pathname.replace(/\/(sse|mcp|messages|ready|health|metrics)?$/, '')}${path}`
  url.search = ''
  return url
}
