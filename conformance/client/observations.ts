// Everything the target sent in one run of one revision, kept (within limits) for the cases over every message.
import type { IncomingHttpHeaders } from 'node:http'
import { parse } from '../expect.ts'
import { LIMITS } from '../limits.ts'

export interface Observation {
  message: unknown
  /** The method of the request it answers, or on whose stream it came. */
  method: string | undefined
  status: number
  bytes: number
  /** The case during which it came. */
  caseId: string
  /** For a progress notification: what is known of its token, and whether it came on the stream of another request. */
  progress?: { known: boolean; active: boolean; previous: number | undefined; ofAnother: boolean }
  /** For a response: what it answers on this session. */
  answers: 'nothing' | 'a request' | 'it again' | 'another request' | 'an illegal id'
  /** The request asked for log messages (2026-07-28). */
  asksForLogs: boolean
}

/** One event stream, whose framing is read when it is closed. */
export interface StreamObservation {
  caseId: string
  headers: IncomingHttpHeaders
  hasBom: boolean
  hasLoneCr: boolean
  isUtf8: boolean
  unknownFields: string[]
  badRetry: string | undefined
  largestEvent: number
  notJson: string | undefined
}

export class Observations {
  readonly messages: Observation[] = []
  readonly streams: StreamObservation[] = []
  /** Cases during which a body came that is not valid UTF-8. */
  readonly notUtf8: string[] = []
  #bytes = 0

  add(observation: Observation): void {
    if (this.messages.length >= LIMITS.observations || this.#bytes > LIMITS.observedTotalBytes) return
    this.#bytes += observation.bytes
    this.messages.push(observation.bytes > LIMITS.observedBytes ? { ...observation, message: undefined } : observation)
  }

  addStream(caseId: string, headers: IncomingHttpHeaders, raw: Buffer): void {
    if (this.streams.length < LIMITS.observations) this.streams.push(readStream(caseId, headers, raw))
  }
}

function readStream(caseId: string, headers: IncomingHttpHeaders, raw: Buffer): StreamObservation {
  const hasBom = raw.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]))
  const text = raw.toString('utf8')
  const observation: StreamObservation = {
    caseId,
    headers,
    hasBom,
    // A \r at the very end may be half of a \r\n that was cut off.
    hasLoneCr: /\r(?!\n|$)/.test(text),
    isUtf8: isCompleteUtf8(raw),
    unknownFields: [],
    badRetry: undefined,
    largestEvent: 0,
    notJson: undefined,
  }
  const events = text.replace(/^\ufeff/, '').split(/\r\n\r\n|\n\n|\r\r/)
  // What follows the last blank line is an event that was never finished, or nothing.
  for (const event of events.slice(0, -1)) readEvent(event, observation)
  return observation
}

function readEvent(event: string, observation: StreamObservation): void {
  observation.largestEvent = Math.max(observation.largestEvent, Buffer.byteLength(event))
  let name = 'message'
  const data: string[] = []
  for (const line of event.split(/\r\n|\n|\r/)) {
    if (line === '' || line.startsWith(':')) continue
    const [field, value] = splitLine(line)
    if (field === 'event') name = value
    else if (field === 'data') data.push(value)
    else if (field === 'retry') {
      if (!/^[0-9]+$/.test(value)) observation.badRetry = value
    } else if (field !== 'id') observation.unknownFields.push(field.slice(0, 60))
  }
  const text = data.join('\n')
  if (name === 'message' && text !== '' && parse(text) === undefined) observation.notJson = text.slice(0, 200)
}

function splitLine(line: string): [field: string, value: string] {
  const colon = line.indexOf(':')
  if (colon < 0) return [line, '']
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')]
}

/** Valid UTF-8, but for a character that was cut off at the end. */
function isCompleteUtf8(raw: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(raw, { stream: true })
    return true
  } catch {
    return false
  }
}
