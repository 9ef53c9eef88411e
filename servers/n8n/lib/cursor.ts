// n8n's cursors. A page that must be smaller than its cursor says, or that was cut, is continued with a cursor of our own in n8n's form:
// base64 of {"limit":2,"offset":4} for workflows, {"limit":1,"lastId":"2"} for executions. Seen in n8n 1.x and 2.x.

interface Place {
  limit: number
  offset?: number
  lastId?: string
}

/** The same position with another page size. Undefined when the form of the cursor is not known. */
export function withLimit(cursor: string, limit: number): string | undefined {
  const place = decode(cursor)
  return place === undefined ? undefined : encode({ ...place, limit })
}

/** The position `by` entries after the start of the cursor's page. Undefined for cursors without an offset. */
export function advance(cursor: string | undefined, by: number, limit: number): string | undefined {
  const place: Place | undefined = cursor === undefined ? { limit, offset: 0 } : decode(cursor)
  return place?.offset === undefined ? undefined : encode({ limit, offset: place.offset + by })
}

function decode(cursor: string): Place | undefined {
  try {
    const place = JSON.parse(Buffer.from(cursor, 'base64').toString()) as Place
    return typeof place === 'object' && place !== null && Number.isInteger(place.limit) ? place : undefined
  } catch {
    return undefined // n8n decides whether it is valid
  }
}

function encode(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64')
}
