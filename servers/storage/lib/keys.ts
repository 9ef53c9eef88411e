// Object keys: which may be asked for, and how they are shown.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { StorageBackend } from '../backend.ts'
import { fetchPage } from './listing.ts'

const maxKeyBytes = 1_024
const maxShownChars = 300

/** @throws ToolError for a key that no store could have, or that something between here and the store could turn into another */
export function checkKey(argument: string, key: string): void {
  const refuse = (why: string): ToolError => new ToolError('INVALID_ARGUMENT', `"${argument}" ${why}`)
  if (Buffer.byteLength(key) > maxKeyBytes) throw refuse(`is longer than ${maxKeyBytes} bytes`)
  if (key.includes('\0')) throw refuse('holds a NUL character')
  // Half of a surrogate pair has no UTF-8, and so no percent-encoding.
  if (/\p{Surrogate}/u.test(key)) throw refuse('is not well-formed Unicode')
  // A proxy that resolves dot segments would reach another bucket; without credentials no signature would notice.
  if (key.split('/').includes('..')) throw refuse('has a ".." segment, which is not sent')
}

/** A key on one line, with nothing hidden: as it is where that is harmless, as a JSON string otherwise. */
export function showKey(key: string): string {
  if (cleanText(key) === key && !/[\t\n]|^"|^\s|\s$/.test(key)) return key
  const escaped = Array.from(JSON.stringify(key), (char) => {
    if (cleanText(char) === char) return char
    return Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
  })
  return escaped.join('')
}

/** For sentences. */
export function nameKey(key: string): string {
  const shown = showKey(key)
  return clip(shown.startsWith('"') ? shown : `"${shown}"`, maxShownChars)
}

/** The folder that a key or prefix lies in: `a/b/c` and `a/b/` → `a/b/` and `a/`. */
export function parentOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/', key.length - 2) + 1)
}

/**
 * Keys and prefixes in the bucket that resemble `key`, nearest first; none when the store does not let us look. Looks at names beside it
 * that begin alike, then at the whole folder, then at the top.
 */
export async function nearKeys(backend: StorageBackend, bucket: string, key: string, signal: AbortSignal): Promise<string[]> {
  const wanted = key.replace(/^\/+/, '')
  const parent = parentOf(wanted)
  const places = new Set([parent + wanted.slice(parent.length, parent.length + 3), parent, ''])
  for (const prefix of places) {
    let found: string[]
    try {
      const page = await fetchPage(backend, { bucket, prefix, delimiter: true, maxKeys: 1_000 }, signal)
      found = page.entries.map((entry) => entry.key).filter((each) => !backend.scope.deniesKey(each))
    } catch {
      signal.throwIfAborted()
      return [] // the call has its own failure to report; this was only to help
    }
    // Names are compared without the folder they share, which would make everything in it look alike.
    const base = prefix === '' ? '' : parent
    const name = prefix === '' ? (wanted.split('/')[0] ?? '') : wanted.slice(parent.length)
    const near = nearest(
      name,
      found.map((each) => each.slice(base.length)),
    )
    if (near.length > 0) return near.map((each) => base + each)
  }
  return []
}
