// The environment of the process, with what a file `.env` in the working directory adds to it.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { Env } from '../host/config.ts'
import { fail } from './usage.ts'

/**
 * `env`, in which the environment wins over the file; `read`, what was read, in one line; and `ignored`, which lines were not read, undefined
 * when all were.
 */
export function readEnvironment(file = resolve('.env')) {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return { env: process.env as Env, file, read: undefined, ignored: undefined }
    return fail(`${file} cannot be read (${code}); make it readable, or start octet in another folder`)
  }
  // A quoted value may have several lines; each is marked as a part of its assignment.
  const marked = text.replace(/^[^#=\n]*=[ \t]*(["'`])[\s\S]*?\1/gm, (quoted) => quoted.replaceAll('\n', '\n=')).split('\n')
  const isComment = (line = ''): boolean => /^\s*(#|$)/.test(line)
  const bad = marked.flatMap((line, i) => (isComment(line) || line.includes('=') ? [] : [i + 1]))
  // Node 20 takes a line without "=", an indented comment and a line of blanks for the start of the next line's name.
  const lines = text.split('\n').map((line, i) => (isComment(marked[i]) || bad.includes(i + 1) ? '' : line))
  const added = parseEnv(lines.join('\n')) as Env
  const names = Object.keys(added)
  const kept = names.filter((name) => process.env[name] !== undefined && process.env[name] !== added[name])
  const overridden = kept.length === 0 ? '' : `; already set in the environment, which wins: ${kept.join(', ')}`
  // The text of the line is not shown: it may be a part of a secret.
  const ignored = bad.length === 0 ? undefined : `${file} has lines that are not NAME=value and were not read: ${bad.join(', ')}`
  const read = `${file} was read: ${names.length} variables${overridden}`
  return { env: { ...added, ...process.env } as Env, file, read: ignored === undefined ? read : `${read}; ${ignored}`, ignored }
}
