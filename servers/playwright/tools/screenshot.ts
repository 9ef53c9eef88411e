// screenshot: an image that fits into one message, scaled and compressed by the browser itself.
import { type AnyTool, defineTool, type FromSchema, ToolError, type ToolResult } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { formatBytes } from '../../kit/report.ts'
import { clip } from '../../kit/text.ts'
import { explainAction } from '../errors.ts'
import { settled, titleOf, within } from '../lib/ask-page.ts'
import { locate } from '../lib/locate.ts'
import { onPage, type PageCall, part, reads, session } from '../lib/page-call.ts'
import type { PlaywrightBackend } from '../lib/service.ts'
import type { CDPSession, Locator } from '../types.ts'

const inputSchema = parameters([], {
  selector: part,
  full_page: { type: 'boolean', default: false },
  format: { enum: ['auto', 'png', 'jpeg'], default: 'auto' },
  quality: { type: 'integer', minimum: 10, maximum: 95, default: 70, description: 'Of JPEG' },
  max_width: { type: 'integer', minimum: 100, maximum: 2_000, default: 1_280 },
  session,
})

type Arguments = FromSchema<typeof inputSchema>

/** In pixels of the page. */
type Area = NonNullable<Awaited<ReturnType<Locator['boundingBox']>>>
type Image = Awaited<ReturnType<typeof shoot>>

/** Before base64: a message must not exceed a million bytes (docs/results.md). */
const maxBytes = 700_000
const maxFullHeight = 8_000
const timeoutMs = 10_000
/** In pixels: more is scaled down before it is taken. The window has 0.9 million. */
const maxPixels = 5_000_000
const largePixels = 1_000_000
/** What the browser needs beside the page for each pixel of a picture while it is made; measured: 15 to 17. */
const bytesPerPixel = 16
const minScale = 0.25
/** A large image waits for its slot this long, and holds it after a timeout this long. */
const waitMs = 30_000
const endMs = 15_000
const maxAttempts = 6

export function screenshotTool(backend: PlaywrightBackend): AnyTool {
  return defineTool({
    name: 'screenshot',
    title: 'Image of the page',
    description: 'Image of the open page, as it looks. To read text use get_content.',
    inputSchema,
    annotations: reads,
    aliases: { fullPage: 'full_page', type: 'format' },
    // Nothing is stopped when it is given up: no script runs, and a page that is being drawn answers late.
    handler: (args, context) =>
      onPage(backend, context, { session: args.session, timeout_ms: timeoutMs }, (call) => screenshot(call, args), false),
  })
}

async function screenshot(call: PageCall, args: Arguments): Promise<ToolResult<object>> {
  const { page } = call
  const wanted = await areaOf(call, args)
  const area = { ...wanted, height: Math.min(wanted.height, maxFullHeight) }
  const cut = area.height < wanted.height
  const { type, bytes, scale, data } = await take(call, area, args)
  const omitted = call.backend.config.PLAYWRIGHT_IMAGE_RESPONSES === 'omit'
  const size = `${Math.round(area.width * scale)}×${Math.round(area.height * scale)}`
  const scaled = scale < 1 ? `, scaled to ${Math.round(scale * 100)} %` : ''
  return call.report({
    summary: `${type.toUpperCase()} ${size} px${scaled}, ${formatBytes(bytes)}, of ${clip(page.url(), 500)}`,
    untrusted: `title: ${await titleOf(page)}`,
    notes: [
      cut && `the page is higher; the image ends after ${maxFullHeight} px`,
      args.format === 'png' && type === 'jpeg' && 'as PNG it would have been too large',
      omitted && 'the image is left out on this server; use get_content',
    ],
    truncated: cut,
    blocks: omitted ? [] : [{ type: 'image', data, mimeType: `image/${type}` }],
    structured: { url: page.url(), mime_type: `image/${type}`, width: area.width, height: area.height, scale, bytes },
  })
}

/** The part of the page that is asked for, which may be higher than an image can be. */
async function areaOf(call: PageCall, { selector, full_page: full }: Arguments): Promise<Area> {
  const box = selector === undefined ? undefined : await boxOf(call, selector)
  const { session, page, timeoutMs: ms, signal } = call
  const metrics = within({ ms, signal }, async () => (await session.protocolOf(page)).send('Page.getLayoutMetrics'))
  const { cssLayoutViewport: window, cssContentSize: content } = await metrics
  const { pageX: x, pageY: y, clientWidth: width, clientHeight: height } = window
  if (box !== undefined) return { ...box, x: box.x + x, y: box.y + y }
  if (!full) return { x, y, width, height }
  const broad = Math.max(width, Math.min(content.width, maxFullHeight))
  return { x: 0, y: 0, width: broad, height: Math.max(height, content.height) }
}

/** In the window, after the page was scrolled to it. */
async function boxOf(call: PageCall, selector: string): Promise<Area> {
  const target = await locate(call, selector, 'show')
  const options = { timeout: call.timeoutMs, signal: call.signal }
  const scrolled = target.locator.scrollIntoViewIfNeeded(options).then(() => target.locator.boundingBox(options))
  const box = await scrolled.catch((error: unknown) => explainAction(error, target))
  if (box !== null && box.width >= 1 && box.height >= 1) return box
  throw new ToolError('INVALID_ARGUMENT', 'the element has no size', { hint: 'another selector' })
}

/** One large picture at a time, and no larger than there is memory for. */
async function take({ backend, session, page, timeoutMs: ms, signal }: PageCall, area: Area, args: Arguments): Promise<Image> {
  const protocol = await session.protocolOf(page)
  const pixels = area.width * area.height
  const asked = Math.min(1, args.max_width / area.width, Math.sqrt(maxPixels / pixels))
  if (pixels * asked ** 2 <= largePixels) return within({ ms, signal }, (until) => shoot(protocol, area, args, asked, until))
  const leave = await backend.largeImages.acquire({ signal, waitMs: backend.callTime(waitMs) })
  let shooting: Promise<Image> | undefined
  try {
    const room = Math.sqrt(Math.max(0, backend.keeper.roomMb * 1_000_000) / bytesPerPixel / pixels)
    if (room < Math.min(asked, minScale)) {
      const hint = 'the same call without full_page, or with a selector'
      throw new ToolError('TOO_LARGE', 'the browser has no memory left for an image of this size', { hint })
    }
    const scale = Math.min(asked, room)
    return await within({ ms, signal }, (until) => (shooting = shoot(protocol, area, args, scale, until)))
  } finally {
    void settled(endMs, Promise.resolve(shooting)).then(leave) // the browser goes on with what it has begun
  }
}

/** Tries until it fits: as asked, then smaller by what is known from the last try, in the end as a JPEG of low quality. */
async function shoot(protocol: CDPSession, area: Area, { format, quality }: Arguments, largest: number, signal: AbortSignal) {
  const shot = async (type: 'png' | 'jpeg', scale: number, quality: number) => {
    signal.throwIfAborted()
    const options = { format: type, quality, clip: { ...area, scale }, captureBeyondViewport: true }
    const { data } = await protocol.send('Page.captureScreenshot', options)
    return { data, bytes: Math.floor((data.length * 3) / 4), type, scale }
  }
  const isLarge = area.width * area.height * largest ** 2 > largePixels
  let best = await shot(format !== 'auto' ? format : isLarge ? 'jpeg' : 'png', largest, quality)
  // A page of text is smaller as PNG, which for a large picture may have 40 MB: it is tried when even the JPEG is small. Of a small picture
  // only one worth the second try is compressed both ways.
  if (format === 'auto' && (best.type === 'jpeg' ? best.bytes <= maxBytes / 2 : best.bytes > maxBytes / 8)) {
    const other = await shot(best.type === 'jpeg' ? 'png' : 'jpeg', largest, quality)
    if (other.bytes < best.bytes) best = other
  }
  for (let attempt = 1; best.bytes > maxBytes; attempt++) {
    if (attempt > maxAttempts) {
      throw new ToolError('TOO_LARGE', 'the image cannot be made small enough', { hint: 'a selector for a part of it' })
    }
    const scale = best.scale * Math.max(0.3, Math.min(0.9, Math.sqrt(maxBytes / best.bytes) * 0.95))
    best = attempt <= 3 ? await shot(best.type, scale, quality) : await shot('jpeg', scale, Math.min(quality, 50))
  }
  return best
}
