// The filesystem server's backend: the sandbox around the roots, and line positions of large files.
import { existsSync } from 'node:fs'
import { ToolError } from '../../protocol/index.ts'
import { type FilesystemConfig, parseDeny, parseRoots } from './config.ts'
import { LineIndex } from './lib/line-index.ts'
import { labelsOf } from './lib/location.ts'
import { openFolder, Sandbox } from './lib/sandbox.ts'
import type { Root } from './types.ts'

const defaultLimits = {
  /** Lines are counted to the end in files smaller than this. */
  countBelowBytes: 8 * 1024 * 1024,
  maxLineChars: 2_000,
  maxReadBytes: 262_144,
  maxImageBytes: 700_000, // 933,336 as base64; no message may have more than 1,000,000 bytes
  /** How long one call may search for a line in a large file. */
  searchMs: 15_000,
  /** Bytes that one call reads in order to find `containing`. */
  searchBytes: 256 * 1024 * 1024,
  /** A file that changed more recently is not remembered. */
  settledMs: 1_000,
  /** Entries that one listing looks at, by name and by size or time. */
  maxScanned: 20_000,
  maxSorted: 400_000,
  listMs: 2_000,
}
export type Limits = Readonly<typeof defaultLimits>

export type FilesystemBackend = ReturnType<typeof openFilesystem>

/** @throws Error for the operator: not on Linux, or a root or pattern that cannot be used */
export function openFilesystem(config: FilesystemConfig, limits: Partial<Limits> = {}) {
  if (process.platform !== 'linux' || !existsSync('/proc/self/fd')) {
    throw new Error('the filesystem server needs Linux with /proc: its sandbox checks what it has opened through /proc/self/fd')
  }
  const roots = parseRoots(config.FS_ROOTS ?? [])
  const sandbox = new Sandbox(roots, {
    deny: parseDeny(config.FS_DENY),
    allowHidden: config.FS_ALLOW_HIDDEN,
    denyHardLinks: config.FS_DENY_HARDLINKS,
  })
  return {
    upstream: labelsOf(roots),
    sandbox,
    lineIndex: new LineIndex(),
    limits: { ...defaultLimits, maxReadBytes: config.FS_MAX_READ_BYTES, ...limits },
    async probe(signal: AbortSignal) {
      signal.throwIfAborted()
      await Promise.all(roots.map(probeRoot))
      return { roots: labelsOf(roots) }
    },
    async close() {}, // descriptors are closed by the call that opened them
  }
}

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'is not a folder',
  EACCES: "may not be listed by this server's user",
}

async function probeRoot({ label, path }: Root): Promise<void> {
  try {
    for await (const _ of await openFolder(path)) break
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    // Only the operator sees why a probe failed.
    throw new ToolError('UPSTREAM_UNREACHABLE', `root "${label}" (${path}) ${problems[code] ?? `cannot be listed (${code})`}`, {
      hint: 'ask the operator to correct FS_ROOTS',
      cause: error,
    })
  }
}
