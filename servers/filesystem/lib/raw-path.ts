// File names as the kernel has them, which are bytes and need not be UTF-8, and the form in which they are shown and accepted back.
import { isUtf8 } from 'node:buffer'
import { cleanText } from '../../kit/text.ts'

declare const raw: unique symbol

/** A path as bytes, one UTF-16 unit for each: compares, splits and joins like a string, and no file name is lost on the way. */
export type RawPath = string & { readonly [raw]: true }

export function rawPath(text: string): RawPath {
  return (isPlain(text) ? text : Buffer.from(text).toString('latin1')) as RawPath
}

/** A path as an argument of node:fs, which takes text as UTF-8. */
export function pathArgument(path: string): string | Buffer {
  return isPlain(path) ? path : Buffer.from(path, 'latin1')
}

export function segmentsOf(path: RawPath): RawPath[] {
  return path.split('/').filter((segment) => segment !== '') as RawPath[]
}

/** Both are absolute and normal. Compares whole components: '/data-old'.startsWith('/data') is true, which is CVE-2025-53110. */
export function isBelow(root: string, path: string): boolean {
  return path === root || path.startsWith(root === '/' ? '/' : `${root}/`)
}

/** For matching only: what is not UTF-8 becomes U+FFFD. */
export function textOf(path: RawPath): string {
  return pathArgument(path).toString()
}

/** The text of a name, with every byte that cannot be shown, or would be hidden or break a line, as `\xHH`. */
export function show(path: RawPath): string {
  if (isPlain(path)) return path
  if (!isUtf8(Buffer.from(path, 'latin1'))) return path.replace(/[\x00-\x1f\x7f-\xff]/g, escapeByte)
  const text = textOf(path)
  if (isShowable(text)) return text
  return Array.from(text, (char) => (isShowable(char) ? char : rawPath(char).replace(/[\s\S]/g, escapeByte))).join('')
}

/** What the segments' path is shown as, and may be asked for by. */
export function showPath(segments: readonly RawPath[]): string {
  return show(segments.join('/') as RawPath)
}

/** The path that {@link show} would show as `shown`. Only bytes that it escapes are read back: no escape can smuggle in a slash, a dot or NUL. */
export function unshow(shown: RawPath): RawPath {
  const hex = /\\x(0[1-9a-f]|1[0-9a-f]|7f|[89a-f][0-9a-f])/g
  return shown.replace(hex, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16))) as RawPath
}

/** Printable ASCII, as most paths are: the bytes, the text and what is shown are the same. */
export function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}

function isShowable(text: string): boolean {
  return !/[\t\n]/.test(text) && cleanText(text) === text
}

function escapeByte(byte: string): string {
  return `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`
}
