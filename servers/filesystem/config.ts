// The environment of the filesystem server, and how its roots and deny patterns are read.
import { existsSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, isAbsolute, join, resolve } from 'node:path/posix'
import { type Config, type ConfigSchema, flag, integer, text } from '../kit/definition.ts'
import { compileGlobs, splitOutsideBraces } from './lib/glob.ts'
import type { Deny, Root } from './types.ts'

export const config = {
  type: 'object',
  properties: {
    FS_ROOTS: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      'x-aliases': ['ALLOWED_DIRECTORIES'],
      description:
        'Folders that may be read, with a name each if there are several: `/data` or `docs=/data/docs,logs=/var/log/app`',
    },
    FS_DENY: text(
      'Glob patterns of files that are never read, added to the built-in list of secrets, such as `**/private/**,*.bak`; `!pattern` makes an exception, as in `!.env.example`',
    ),
    FS_ALLOW_HIDDEN: flag(true, 'false refuses every path with a name that starts with a dot'),
    FS_DENY_HARDLINKS: flag(
      false,
      'true refuses files with more than one name: a hard link to an outside file passes every path check',
    ),
    // As JSON at most twice that, which one message can hold.
    FS_MAX_READ_BYTES: integer(262_144, [1_024, 400_000], 'Most bytes of a file in one result'),
  },
} as const satisfies ConfigSchema

export type FilesystemConfig = Config<typeof config>

/** The sample files of the repository, for a demonstration; undefined in the published package. */
export function sampleFolder(): string | undefined {
  const program = process.argv[1] // dist/octet.cjs, or servers/cli/octet.ts
  if (program === undefined || !existsSync(program)) return undefined
  const folders = ['../../examples/files', '../../../examples/files'].map((path) => join(realpathSync(program), path))
  return folders.find((folder) => existsSync(folder))
}

const labelForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/

/** @throws Error for the operator when a name is missing, used twice, or unusable as the first part of a path */
export function parseRoots(entries: readonly string[]): Root[] {
  const roots = entries.map((entry): Root => {
    if (/^\s*$/.test(entry)) throw new Error('FS_ROOTS: a root is empty')
    const named = /^([^=/]+)=(.+)$/s.exec(entry.trim())
    const folder = named?.[2]?.trim() ?? entry.trim()
    const path = resolve(folder)
    if (/^~(\/|$)/.test(folder)) throw new Error(`FS_ROOTS: "~" is not expanded; write ${homedir()}${folder.slice(1)}`)
    if (/:\//.test(folder) && !existsSync(path))
      throw new Error(`FS_ROOTS: ${folder} does not exist; separate folders by commas: ${entry.replaceAll(':/', ',/')}`)
    const label = named?.[1]?.trim() ?? (basename(path) || 'root')
    // A single root is never addressed by its name, so its folder may be called anything.
    return { label: entries.length > 1 || labelForm.test(label) ? label : 'root', path }
  })
  for (const [i, { label }] of roots.entries()) {
    if (!labelForm.test(label)) {
      throw new Error(`FS_ROOTS: "${label}" cannot name a root; write name=/folder with a name of A-Z a-z 0-9 . _ -`)
    }
    if (roots.findIndex((other) => other.label === label) !== i) {
      throw new Error(`FS_ROOTS: two roots are named "${label}"; write name=/folder for each`)
    }
  }
  return roots
}

/**
 * Files that give access to something else. A model has no use for them, and what it reads may be sent elsewhere. Patterns of system files
 * have no leading folder, because these folders may be mounted below a root.
 */
const secrets = [
  '.env*',
  '**/.ssh/**',
  'id_{rsa,dsa,ecdsa,ed25519}*',
  '*.{pem,key,p12,pfx,jks,keystore,kdbx,ppk}',
  '**/.git/config',
  '.git-credentials',
  '**/.aws/**',
  '**/.azure/**',
  '**/.kube/**',
  '**/.gnupg/**',
  '**/.config/gcloud/**',
  '**/.docker/config.json',
  '.{netrc,pgpass,my.cnf,npmrc,pypirc,htpasswd,vault-token}',
  '.*_history',
  '*.sqlite-wal',
  '**/run/secrets/**', // where Docker and Kubernetes put this server's own token
  '{shadow,gshadow}{,-}',
  '/etc/{shadow,gshadow}*',
]

/**
 * The last pattern that matches decides, as in .gitignore. A pattern that starts with a slash is matched against the real path on the host.
 * @throws Error for the operator when a pattern cannot be used
 */
export function parseDeny(patterns: string | undefined): Deny {
  const own = (splitOutsideBraces(patterns ?? '')?.pieces ?? []).map((piece) => piece.trim()).filter((piece) => piece !== '')
  // Rules that follow each other with the same effect are compiled as one.
  const runs: { readonly admits: boolean; readonly isAbsolute: boolean; readonly patterns: string[] }[] = []
  for (const rule of [...secrets, ...own]) {
    const pattern = rule.replace(/^!/, '')
    const run = { admits: pattern !== rule, isAbsolute: isAbsolute(pattern), patterns: [pattern] }
    const last = runs.at(-1)
    if (last?.admits === run.admits && last.isAbsolute === run.isAbsolute) last.patterns.push(pattern)
    else runs.push(run)
  }
  const compile = () =>
    runs.map((run) => {
      try {
        return { ...run, matches: compileGlobs(run.patterns) }
      } catch (error) {
        throw new Error(`FS_DENY: ${(error as Error).message}`, { cause: error })
      }
    })
  // The operator's are checked at the start. The built-in ones alone can wait for the first call: they take a millisecond.
  let rules = own.length > 0 ? compile() : undefined
  return (relative, absolute) => {
    let denied = false
    rules ??= compile()
    for (const rule of rules) {
      if (rule.admits === denied && rule.matches(rule.isAbsolute ? absolute : relative)) denied = !rule.admits
    }
    return denied
  }
}
