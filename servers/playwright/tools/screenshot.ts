// screenshot: an image that fits into one message, scaled and compressed by the browser itself.
import { type AnyTool, type Context, defineTool, type FromSchema, ToolError, type ToolResult } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { clip } from '../../kit/text.ts'
import { explainAction } from '../errors.ts'
import { callTime, settled, titleOf, within } from '../lib/ask-page.ts'
import { currentPage } from '../lib/browser-session.ts'
import { enterFrames } from '../lib/frames.ts'
import { part, reads, session } from '../lib/parameters.ts'
import type { PlaywrightBackend } from '../lib/service.ts'
import type { Attempt, CDPSession, Page } from '../types.ts'

const inputSchema = {
  type: 'object',
  properties: {
    selector: part,
    full_page: { type: 'boolean', default: false },
    format: { enum: ['auto', 'png', 'jpeg'], default: 'auto' },
    quality: { type: 'integer', minimum: 10, maximum: 95, default: 70, description: 'Of JPEG' },
    max_width: { type: 'integer', minimum: 100, maximum: 2_000, default: 1_280 },
    session,
  },
  additionalProperties: false,
} as const

type Arguments = FromSchema<typeof inputSchema>

interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

interface Image {
  /** base64 */
  readonly data: string
  readonly bytes: number
  readonly type: 'png' | 'jpeg'
  readonly scale: number
}

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

export function screenshotTool(backend: PlaywrightBackend, environment: Environment): AnyTool {
  return defineTool({
    name: 'screenshot',
    title: 'Image of the page',
    description: 'Image of the open page, as it looks. To read text use get_content.',
    inputSchema,
    annotations: reads,
    aliases: { fullPage: 'full_page', type: 'format' },
    handler: (args, context) => screenshot(backend, environment, args, context),
  })
}

async function screenshot(
  backend: PlaywrightBackend,
  environment: Environment,
  args: Arguments,
  context: Context,
): Promise<ToolResult<object>> {
  return backend.sessions.use(context, { session: args.session }, async (lease) => {
    const { session } = lease
    const page = currentPage(session, lease.name)
    const selector = args.selector ?? 'html'
    const timeout = callTime(timeoutMs, environment)
    const attempt: Attempt = {
      page,
      locator: page.locator(enterFrames(selector)),
      selector,
      timeoutMs: timeout,
      signal: context.signal,
    }
    try {
      const [area, cut] = await areaOf(attempt, args)
      const image = await take(backend, environment, page, area, args, context.signal)
      const { type, bytes, scale, data } = image
      const size = `${Math.round(area.width * scale)}×${Math.round(area.height * scale)}`
      const scaled = scale < 1 ? `, scaled to ${Math.round(scale * 100)} %` : ''
      return report(context, {
        summary: `${type.toUpperCase()} ${size} px${scaled}, ${formatBytes(bytes)}, of ${clip(page.url(), 500)}`,
        untrusted: `title: ${await titleOf(page)}`,
        notes: [
          ...lease.notes,
          ...session.takeEvents(),
          ...(cut ? [`the page is higher; the image ends after ${maxFullHeight} px`] : []),
          ...(args.format === 'png' && type === 'jpeg' ? ['as PNG it would have been too large'] : []),
          ...(backend.omitImages ? ['the image is left out on this server; use get_content'] : []),
        ],
        truncated: cut,
        ...(backend.omitImages ? {} : { blocks: [{ type: 'image', data, mimeType: `image/${type}` }] }),
        structured: { url: page.url(), mime_type: `image/${type}`, width: area.width, height: area.height, scale, bytes },
      })
    } catch (error) {
      return await explainAction(error, attempt)
    }
  })
}

/** In pixels of the page, and whether it goes on below. */
async function areaOf(
  { page, locator, timeoutMs: timeout, signal }: Attempt,
  { selector, full_page: full }: Arguments,
): Promise<[Area, boolean]> {
  if (selector !== undefined) {
    await locator.scrollIntoViewIfNeeded({ timeout, signal })
    const box = await locator.boundingBox({ timeout, signal })
    if (box === null || box.width < 1 || box.height < 1)
      throw new ToolError('INVALID_ARGUMENT', 'the element has no size', { hint: 'another selector' })
    const [x, y] = (await within({ ms: timeout, signal }, () => page.evaluate('[scrollX, scrollY]'))) as [number, number]
    const height = Math.min(box.height, maxFullHeight)
    return [{ x: box.x + x, y: box.y + y, width: box.width, height }, height < box.height]
  }
  const metrics = within({ ms: timeout, signal }, () => withProtocol(page, (protocol) => protocol.send('Page.getLayoutMetrics')))
  const { cssLayoutViewport, cssContentSize } = (await metrics) as {
    cssLayoutViewport: { pageX: number; pageY: number; clientWidth: number; clientHeight: number }
    cssContentSize: Area
  }
  const { pageX: x, pageY: y, clientWidth: width, clientHeight: height } = cssLayoutViewport
  if (!full) return [{ x, y, width, height }, false]
  const whole = Math.max(height, Math.min(cssContentSize.height, maxFullHeight))
  return [
    { x: 0, y: 0, width: Math.max(width, Math.min(cssContentSize.width, maxFullHeight)), height: whole },
    cssContentSize.height > whole,
  ]
}

/** Detaches only when the work has ended: what is sent on a detached session is forgotten here while the browser still does it. */
async function withProtocol<T>(page: Page, work: (protocol: CDPSession) => Promise<T>): Promise<T> {
  const protocol = await page.context().newCDPSession(page)
  try {
    return await work(protocol)
  } finally {
    void protocol.detach().catch(() => {})
  }
}

/** One large picture at a time, and no larger than there is memory for. */
async function take(
  backend: PlaywrightBackend,
  environment: Environment,
  page: Page,
  area: Area,
  args: Arguments,
  signal: AbortSignal,
): Promise<Image> {
  const shootAt = (largest: number, until: AbortSignal): Promise<Image> =>
    withProtocol(page, (protocol) => shoot(protocol, area, args, largest, until))
  const timeout = callTime(timeoutMs, environment)
  const asked = Math.min(1, args.max_width / area.width, Math.sqrt(maxPixels / (area.width * area.height)))
  if (area.width * area.height * asked ** 2 <= largePixels) {
    return within({ ms: timeout, signal }, () => shootAt(asked, signal))
  }
  const leave = await backend.largeImages.acquire({ signal, waitMs: callTime(waitMs, environment) })
  const stop = new AbortController()
  let shooting: Promise<unknown> = Promise.resolve()
  try {
    const room = Math.sqrt(Math.max(0, backend.roomMb() * 1_000_000) / bytesPerPixel / (area.width * area.height))
    if (room < Math.min(asked, minScale)) {
      throw new ToolError('TOO_LARGE', 'the browser has no memory left for an image of this size', {
        hint: 'the same call without full_page, or with a selector',
      })
    }
    const taken = shootAt(Math.min(asked, room), stop.signal)
    shooting = taken.catch(() => {})
    return await within({ ms: timeout, signal }, () => taken)
  } finally {
    stop.abort(new Error('the image is not needed any more'))
    void settled(endMs, shooting).then(leave) // the browser goes on with what it has begun
  }
}

/** Tries until it fits: as asked, then smaller by what is known from the last try, in the end as a JPEG of low quality. */
async function shoot(
  protocol: CDPSession,
  area: Area,
  { format, quality }: Arguments,
  largest: number,
  signal: AbortSignal,
): Promise<Image> {
  let scale = largest
  const take = async (type: 'png' | 'jpeg', at: number, withQuality: number): Promise<Image> => {
    signal.throwIfAborted()
    const { data } = (await protocol.send('Page.captureScreenshot', {
      format: type,
      ...(type === 'jpeg' ? { quality: withQuality } : {}),
      clip: { ...area, scale: at },
      captureBeyondViewport: true,
    })) as { data: string }
    return { data, bytes: Math.floor((data.length * 3) / 4), type, scale: at }
  }
  let best: Image | undefined
  const large = area.width * area.height * scale ** 2 > largePixels
  // As PNG a large picture may have 40 MB on its way here: when not even the JPEG is small, that is not tried.
  if (format === 'auto' && large) best = await take('jpeg', scale, quality)
  if (format === 'png' || (format === 'auto' && (best?.bytes ?? 0) <= maxBytes / 2)) {
    const png = await take('png', scale, quality)
    if (best === undefined || png.bytes < best.bytes) best = png
  }
  if (format === 'jpeg' || (format === 'auto' && !large && (best?.bytes ?? 0) > maxBytes / 8)) {
    // A page of text is smaller as PNG: only a picture worth the second try is compressed both ways.
    const jpeg = await take('jpeg', scale, quality)
    if (best === undefined || jpeg.bytes < best.bytes) best = jpeg
  }
  for (let attempt = 1; best !== undefined && best.bytes > maxBytes; attempt++) {
    if (attempt > maxAttempts)
      throw new ToolError('TOO_LARGE', 'the image cannot be made small enough', { hint: 'a selector for a part of it' })
    scale *= Math.max(0.3, Math.min(0.9, Math.sqrt(maxBytes / best.bytes) * 0.95))
    const type = best.type === 'png' && attempt <= 3 ? 'png' : 'jpeg'
    best = await take(type, scale, attempt > 3 ? Math.min(quality, 50) : quality)
  }
  if (best === undefined) throw new Error('no image was taken')
  return best
}
