// The environment of the process, with what a file `.env` in the working directory adds to it.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { Env } from '../host/config.ts'
import { fail } from './usage.ts'

export interface EnvironmentFile {
  /** The environment wins over the file. */
  readonly env: Env
  readonly file: string
  /** What was read, in one line; undefined without a file. */
  readonly read: string | undefined
}

export function readEnvironment(file = resolve('.env')): EnvironmentFile {
  let added: Env
  try {
    added = parseEnv(readFileSync(file, 'utf8')) as Env
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return { env: process.env, file, read: undefined }
    return fail(`${file} cannot be read (${code}); make it readable, or start octet in another folder`)
  }
  const names = Object.keys(added)
  const kept = names.filter((name) => process.env[name] !== undefined && process.env[name] !== added[name])
  const overridden = kept.length === 0 ? '' : `; already set in the environment, which wins: ${kept.join(', ')}`
  return { env: { ...added, ...process.env }, file, read: `${file} was read: ${names.length} variables${overridden}` }
}
