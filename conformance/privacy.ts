// What tools return may be anybody's data: reports show its length, type and shape, unless --show-results.

type Value = Record<string, unknown>

const MOST_MEMBERS = 20
const isObject = (value: unknown): value is Value => typeof value === 'object' && value !== null && !Array.isArray(value)

/** `<text of 12 characters>`, `<number>`, `{ name: <text of 3 characters> }`: everything but the values. */
function shapeOf(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return `<text of ${value.length} characters>`
  if (value === null || typeof value !== 'object') return value === null ? null : `<${typeof value}>`
  if (depth > 4) return '<more>'
  if (Array.isArray(value))
    return value.length > 3
      ? [...value.slice(0, 3).map((item) => shapeOf(item, depth + 1)), `<${value.length - 3} more>`]
      : value.map((item) => shapeOf(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MOST_MEMBERS)
      .map(([key, item]) => [key, shapeOf(item, depth + 1)]),
  )
}

/** A message, or a part of one, with the shape of what a tool returned, logged or reported in place of the values. */
export function maskResults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskResults)
  if (typeof value === 'string') return maskText(value)
  if (!isObject(value)) return value
  const isLog = value.method === 'notifications/message'
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key === 'structuredContent') return [key, shapeOf(item)]
      if (key === 'content' && Array.isArray(item)) return [key, item.map(maskBlock)]
      if (key === 'params' && isLog && isObject(item)) return [key, { ...item, data: shapeOf(item.data) }]
      return [key, maskResults(item)]
    }),
  )
}

/** Text that is a message, such as the data of an event. Text that only begins as one is a part of one, or broken. */
function maskText(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text
  try {
    return JSON.stringify(maskResults(JSON.parse(text)))
  } catch {
    return shapeOf(text)
  }
}

function maskBlock(block: unknown): unknown {
  if (!isObject(block)) return shapeOf(block)
  return Object.fromEntries(
    Object.entries(block).map(([key, item]) => [key, key === 'type' || key === 'mimeType' ? item : shapeOf(item)]),
  )
}

/** Lines of an event stream or a chunked body that hold no message. */
const CONTROL = /^(?:(?:event|id|retry):.*|:.*|data: ?|[0-9a-f]{1,8}|… \d+ bytes left out …|)$/

/** The recorded bytes of a response, masked. `mayHoldResults`: then what cannot be read as a message is left out, too. */
export function maskBytes(text: string, mayHoldResults: boolean): string {
  const head = text.indexOf('\n\n')
  if (head < 0) return text
  const lines = text
    .slice(head)
    .split('\n')
    .map((line) => {
      if (CONTROL.test(line)) return line
      const [, field = '', data = ''] = /^(data: ?)?(.*)$/s.exec(line) ?? []
      try {
        return field + JSON.stringify(maskResults(JSON.parse(data)))
      } catch {
        return mayHoldResults ? `${field}<${data.length} characters, not a whole message: --show-results shows them>` : line
      }
    })
  return text.slice(0, head) + lines.join('\n')
}
