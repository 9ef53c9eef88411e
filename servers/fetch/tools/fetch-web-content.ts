// fetch_web_content: from an address to one page of its text.
import { STATUS_CODES } from 'node:http'
import { type Context, ToolError, type ToolErrorCode, type ToolResult } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { retryAfter } from '../../kit/http/upstream.ts'
import { formatBytes, report, wrapUntrusted } from '../../kit/report.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { FetchBackend } from '../backend.ts'
import { type Download, download } from '../lib/download.ts'
import { extract } from '../lib/extract.ts'
import type { PageFacts } from '../lib/markdown.ts'
import type { Page } from '../lib/page-cache.ts'

export interface FetchArguments {
  url: string
  max_length: number
  start_index: number
  raw: boolean
  links: 'keep' | 'strip'
}

const maxErrorBytes = 65_536
const errorChars = 500
const maxShownUrlChars = 300

export async function fetchWebContent(
  backend: FetchBackend,
  environment: Environment,
  args: FetchArguments,
  context: Context,
): Promise<ToolResult<Record<string, unknown>>> {
  const url = addressOf(args.url)
  const key = `${args.raw ? 'raw' : args.links} ${url.href}`
  let page = backend.cache.get(key)
  const anew = page === undefined && args.start_index > 0
  context.annotate({ upstream: url.host })
  if (page === undefined) {
    backend.request.policy.check(url) // before it waits for a place
    page = await backend.slots.run(url.hostname, context.signal, () => load(backend, url, args, context.signal))
    backend.cache.set(key, page)
  }
  return show(page, environment, args, context, anew)
}

/** @throws ToolError INVALID_ARGUMENT */
function addressOf(text: string): URL {
  const trimmed = text.trim()
  // A host without a scheme is what people write.
  const full =
    /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) || /^(data|file|javascript|mailto|about):/i.test(trimmed)
      ? trimmed
      : `https://${trimmed}`
  if (!URL.canParse(full)) {
    throw new ToolError('INVALID_ARGUMENT', `"${clip(cleanText(trimmed), 200)}" is no address`, {
      hint: '{"url":"https://example.com/page"}',
    })
  }
  const url = new URL(full)
  url.hash = ''
  return url
}

async function load(backend: FetchBackend, url: URL, args: FetchArguments, signal: AbortSignal): Promise<Page> {
  const late = new AbortController()
  const timer = setTimeout(
    () =>
      late.abort(
        new ToolError('TIMEOUT', `${url.host} took longer than ${backend.timeoutMs} ms`, {
          hint: 'the same call later, or another address',
        }),
      ),
    backend.timeoutMs,
  )
  const stop = AbortSignal.any([signal, late.signal])
  let found: Download | undefined
  try {
    found = await download(url, backend.request, backend.robots, stop)
    const { answer } = found
    const error = answer.status >= 400
    const source = answer.body(error ? maxErrorBytes : backend.maxBytes)
    const extracted = await extract(
      source,
      {
        url: found.url.href,
        contentType: answer.headers['content-type'],
        raw: args.raw && !error,
        links: args.links === 'keep' && !error,
      },
      backend.extraction,
      signal,
    )
    if (error) throw statusError(found, extracted.text)
    const type = (answer.headers['content-type'] ?? 'no type').split(';', 1)[0]?.trim() ?? ''
    return {
      finalUrl: found.url.href,
      redirects: found.redirects,
      status: answer.status,
      contentType: cleanText(type).slice(0, 100),
      method: extracted.method,
      robots: found.robots,
      facts: shownFacts(extracted.facts, answer.headers['content-language']),
      text: extracted.text,
      notes: [
        ...extracted.notes,
        ...(answer.cut ? [`the page is larger than ${formatBytes(backend.maxBytes)}; what is beyond was not read`] : []),
        ...(extracted.method.startsWith('not text') ? [about(answer.headers)] : []),
      ],
      bytes: extracted.bytes,
    }
  } finally {
    clearTimeout(timer)
    found?.answer.close()
  }
}

function shownFacts({ title, byline, published, language, description }: PageFacts, header: string | undefined) {
  const facts: Record<string, string> = {}
  if (title) facts.title = title
  if (byline) facts.byline = byline
  if (published) facts.published = published
  const of = language ?? header
  if (of) facts.language = of
  if (description) facts.description = description
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, clip(cleanText(value).replace(/\s+/g, ' ').trim(), 300)]),
  )
}

/** What is known of something that is not text. */
function about(headers: Readonly<Record<string, string | string[] | undefined>>): string {
  const size = Number(headers['content-length'])
  const modified = Date.parse(String(headers['last-modified'] ?? ''))
  const facts = [
    ...(Number.isSafeInteger(size) ? [formatBytes(size)] : []),
    ...(Number.isNaN(modified) ? [] : [`modified ${new Date(modified).toISOString()}`]),
  ]
  return `this is not text and is not shown${facts.length === 0 ? '' : `: ${facts.join(', ')}`}`
}

/** What a page says with an error status is often the reason. */
function statusError({ url, answer }: Download, text: string): ToolError {
  const { status } = answer
  const codes: Readonly<Record<number, ToolErrorCode>> = {
    404: 'NOT_FOUND',
    410: 'NOT_FOUND',
    401: 'UPSTREAM_AUTH',
    429: 'RATE_LIMITED',
  }
  const wait = retryAfter(answer.headers['retry-after'])
  const hint =
    status === 404 || status === 410
      ? 'check the address, or look for the page from the start page of the site'
      : status === 401 || status === 403
        ? 'another source; this server sends no credentials'
        : `the same call again${wait === undefined ? ' later' : ` in ${wait} s`}`
  const said = text.trim() === '' ? '' : `; it says\n${wrapUntrusted(clip(text.trim(), errorChars))}\nThese are the site's words.`
  const name = STATUS_CODES[status] ?? answer.reason
  return new ToolError(codes[status] ?? 'UPSTREAM_ERROR', `HTTP ${status} ${name} from ${shownUrl(url.href)}${said}`, { hint })
}

function show(
  page: Page,
  environment: Environment,
  args: FetchArguments,
  context: Context,
  anew: boolean,
): ToolResult<Record<string, unknown>> {
  const { text, facts } = page
  const start = args.start_index
  if (start > 0 && start >= text.length) {
    throw new ToolError('INVALID_ARGUMENT', `the text has ${text.length} characters; start_index ${start} is beyond its end`, {
      hint: JSON.stringify({ url: args.url, start_index: 0 }),
    })
  }
  const head = start === 0 ? Object.entries(facts).map(([name, value]) => `${name}: ${value}`) : []
  const notes = [
    ...(start === 0 ? page.notes : []),
    ...(anew ? ['the page was fetched anew; it may have changed since its first part'] : []),
  ]
  const next = (from: number) => ({
    url: args.url,
    start_index: from,
    ...(args.max_length === 10_000 ? {} : { max_length: args.max_length }),
    ...(args.raw ? { raw: true } : {}),
    ...(args.links === 'keep' ? {} : { links: args.links }),
  })
  // What the result holds beside the text: the summary, the tags, facts, notes, and the arguments of the next page.
  const around =
    500 +
    2 * maxShownUrlChars +
    JSON.stringify(next(0)).length +
    [...head, ...notes, ...context.warnings].join(' argument ').length
  const room = Math.max(200, Math.min(args.max_length, environment.maxResultChars - around))
  const end = cutAt(text, start, start + room)
  const more = end < text.length
  const range =
    text.length === 0
      ? 'no text'
      : more || start > 0
        ? `characters ${start} to ${end} of ${text.length}`
        : `${text.length} characters`
  const from = page.redirects === 0 ? '' : `, redirected from ${shownUrl(args.url)}`
  return report(context, {
    summary: `${shownUrl(page.finalUrl)}: ${range}, ${page.method}, ${page.status} ${page.contentType}, robots.txt: ${page.robots}${from}`,
    ...(head.length === 0 && text.length === 0
      ? {}
      : { untrusted: [...head, ...(head.length > 0 && text !== '' ? [''] : []), text.slice(start, end)].join('\n') }),
    notes,
    next: more ? next(end) : undefined,
    truncated: more,
    structured: {
      final_url: page.finalUrl,
      ...(page.redirects === 0 ? {} : { redirected_from: args.url, redirects: page.redirects }),
      status: page.status,
      content_type: page.contentType,
      ...facts,
      method: page.method,
      robots: page.robots,
      total_chars: text.length,
      start_index: start,
      content: text.slice(start, end),
    },
  })
}

/** The end of a page at a paragraph, a line, a sentence or a word, if there is one in its last third; never inside a character. */
function cutAt(text: string, start: number, end: number): number {
  if (end >= text.length) return text.length
  const least = start + Math.floor(((end - start) * 2) / 3)
  for (const mark of ['\n\n', '\n', '. ', '。', ' ']) {
    const at = text.lastIndexOf(mark, end - mark.length)
    if (at >= least) return at + mark.length
  }
  const code = text.charCodeAt(end - 1)
  return code >= 0xd800 && code <= 0xdbff ? end - 1 : end
}

function shownUrl(url: string): string {
  return clip(cleanText(url), maxShownUrlChars)
}
