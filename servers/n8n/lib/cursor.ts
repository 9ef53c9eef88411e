// n8n's cursors. A page that must be smaller than the cursor says, or that was cut in the middle, is continued by a cursor of our own in
// n8n's form: base64 of {"limit":2,"offset":4} for workflows, {"limit":1,"lastId":"2"} for executions. Seen in n8n 1.x and 2.x.

interface Place {
  limit: number
  offset?: number
  lastId?: string
}

/** The same place with another page size. Undefined when the cursor has a form that is not known. */
export function withLimit(cursor: string | undefined, limit: number): string | undefined {
  if (cursor === undefined) return encode({ limit, offset: 0 })
  const place = decode(cursor)
  return place === undefined ? undefined : encode({ ...place, limit })
}

/** The place so many entries after the beginning of the page that the cursor leads to. Only lists that count from an offset have one. */
export function advance(cursor: string | undefined, by: number, limit: number): string | undefined {
  const place: Place | undefined = cursor === undefined ? { limit, offset: 0 } : decode(cursor)
  return place?.offset === undefined ? undefined : encode({ limit, offset: place.offset + by })
}

function decode(cursor: string): Place | undefined {
  try {
    const place = JSON.parse(Buffer.from(cursor, 'base64').toString()) as Place
    return typeof place === 'object' && place !== null && Number.isInteger(place.limit) ? place : undefined
  } catch {
    return undefined // n8n itself is asked whether it is one
  }
}

function encode(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64')
}
