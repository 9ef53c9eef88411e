// Converts PostgreSQL's text form of a value to JSON.

/** A whole value as JSON; text wherever JSON has no form that keeps every digit. */
export function toJson(text: string | null, type: string, delimiter = ','): unknown {
  if (text === null) return null
  if (type.endsWith('[]')) return parseArray(text, delimiter, (item) => toJson(item, type.slice(0, -2))) ?? text
  switch (type) {
    case 'bool':
      return text === 't' || text === 'true'
    case 'int2':
    case 'int4':
    case 'int8':
    case 'oid':
    case 'float4':
    case 'float8':
    case 'numeric':
      return toNumber(text)
    case 'json':
    case 'jsonb':
      return toObject(text)
    default:
      return text
  }
}

/** A number when it prints as it came; otherwise (2^53 and beyond, trailing zeros of a scale, NaN, Infinity) its text. */
function toNumber(text: string): number | string {
  const number = Number(text)
  return String(number) === text || (text.includes('e') && isExact(text)) ? safe(number, text) : text
}

function safe(number: number, text: string): number | string {
  return Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number)) ? number : text
}

/** Strings, whose digits do not count, and numbers of a JSON text. */
const jsonNumbers = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs

function toObject(text: string): unknown {
  for (const [found] of text.matchAll(jsonNumbers)) if (!found.startsWith('"') && !isExact(found)) return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** Does the number survive as a double? `1.50` does, `52.520006599999998` and `1e400` do not. */
function isExact(text: string): boolean {
  const number = Number(text)
  return Number.isFinite(number) && decimal(String(number)) === decimal(text)
}

/** One spelling for each value: sign, digits without outer zeros, exponent. */
function decimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  const bare = digits.replace(/0+$/, '')
  return `${sign}${bare}e${bare === '' ? 0 : Number(exponent) - fraction.length + digits.length - bare.length}`
}

/** `{1,NULL,"a b",{…}}`; undefined when it is not an array after all. */
function parseArray(text: string, delimiter: string, item: (text: string | null) => unknown): unknown[] | undefined {
  // Bounds other than 1 stand in front: [0:2]={1,2,3}
  let at = /^(?:\[-?\d+:-?\d+\])+=/.exec(text)?.[0].length ?? 0
  const array = (): unknown[] | undefined => {
    if (text[at] !== '{') return undefined
    at += 1
    const items: unknown[] = []
    if (text[at] === '}') {
      at += 1
      return items
    }
    while (at < text.length) {
      if (text[at] === '{') {
        const inner = array()
        if (inner === undefined) return undefined
        items.push(inner)
      } else if (text[at] === '"') {
        items.push(item(quoted()))
      } else {
        const start = at
        while (at < text.length && text[at] !== delimiter && text[at] !== '}') at += 1
        const plain = text.slice(start, at)
        items.push(item(plain === 'NULL' ? null : plain))
      }
      const mark = text[at++]
      if (mark === '}') return items
      if (mark !== delimiter) return undefined
    }
    return undefined
  }
  const quoted = (): string => {
    let out = ''
    for (at += 1; at < text.length && text[at] !== '"'; at += 1) {
      if (text[at] === '\\') at += 1
      out += text[at] ?? ''
    }
    at += 1
    return out
  }
  const items = array()
  return at === text.length ? items : undefined
}
