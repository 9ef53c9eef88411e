// Converts PostgreSQL's text form of a value to JSON.

const numberTypes = new Set(['int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric'])

/** A whole value as JSON; text wherever JSON has no form that keeps every digit. */
export function toJson(text: string, type: string, delimiter = ','): unknown {
  if (type.endsWith('[]')) return parseArray(text, delimiter, (item) => toJson(item, type.slice(0, -2))) ?? text
  if (numberTypes.has(type)) return toNumber(text)
  if (type === 'bool') return text === 't' || text === 'true'
  return type === 'json' || type === 'jsonb' ? toObject(text) : text
}

/** A number when it prints as it came; otherwise (2^53 and beyond, trailing zeros of a scale, NaN, Infinity) its text. */
function toNumber(text: string): number | string {
  const number = Number(text)
  const survives = Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))
  return survives && (String(number) === text || (text.includes('e') && isExact(text))) ? number : text
}

/** Strings, whose digits do not count, and numbers of a JSON text. */
const jsonNumbers = /"(?:[^"\\]|\\.)*(?:"|\\?$)|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs

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
  const bare = digits.replace(/(?<!0)0+$/, '')
  return `${sign}${bare}e${bare === '' ? 0 : Number(exponent) - fraction.length + digits.length - bare.length}`
}

/** An item in quotes, a brace, or a run of other items with the delimiters around them. */
const arrayParts = /"((?:[^"\\]|\\.)*)"|([{}])|[^{}"]+/gs

/** `{1,NULL,"a b",{…}}`, rewritten as JSON and read as such; undefined when it is not an array after all. */
function parseArray(text: string, delimiter: string, item: (text: string) => unknown): unknown[] | undefined {
  const plain = (part: string): string => (part === '' ? '' : part === 'NULL' ? 'null' : JSON.stringify(part))
  // Bounds other than 1 stand in front: [0:2]={1,2,3}
  const json = text.replace(/^(?:\[-?\d+:-?\d+\])+=/, '').replace(arrayParts, (part, quoted?: string, brace?: string) => {
    if (quoted !== undefined) return JSON.stringify(quoted.replace(/\\(.)/gs, '$1'))
    if (brace !== undefined) return brace === '{' ? '[' : ']'
    return part.split(delimiter).map(plain).join(',')
  })
  try {
    const found: unknown = JSON.parse(json, (_, value: unknown) => (typeof value === 'string' ? item(value) : value))
    return Array.isArray(found) ? found : undefined
  } catch {
    return undefined
  }
}
