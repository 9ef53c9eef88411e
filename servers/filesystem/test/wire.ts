// For tests: this folder's tools behind a real socket, and a folder of files to ask them about.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context } from '../../../protocol/index.ts'
import { type Answer, environmentOf, type ToolClient, withTools } from '../../../test/helpers/tool-client.ts'
import type { Environment } from '../../kit/definition.ts'
import { type Limits, openFilesystem } from '../backend.ts'
import type { FilesystemConfig } from '../config.ts'
import { filesystem } from '../index.ts'

export interface Setup {
  config?: Partial<FilesystemConfig>
  limits?: Partial<Limits>
  environment?: Partial<Environment>
}

export interface Wire extends ToolClient {
  readonly backend: ReturnType<typeof openFilesystem>
}

/** A context for calling a handler without a socket, where a test needs to know when it has ended. */
export function contextOf(signal: AbortSignal, onProgress: (position: number) => void = () => {}): Context {
  return {
    signal,
    requestId: 1,
    session: { id: undefined, protocolVersion: '2025-11-25', client: undefined },
    caller: { principal: 'anonymous', user: undefined, traceparent: undefined, remote: '' },
    warnings: [],
    progress: onProgress,
    log() {},
    annotate() {},
  }
}

/** Makes files of these sizes; a name that ends in a slash makes a folder. */
export async function make(root: string, files: Record<string, number>): Promise<void> {
  for (const [name, size] of Object.entries(files)) {
    await mkdir(join(root, name, name.endsWith('/') ? '.' : '..'), { recursive: true })
    if (!name.endsWith('/')) await writeFile(join(root, name), 'x'.repeat(size))
  }
}

/** The first column of a listing. */
export function namesOf(answer: Answer): string[] {
  return answer.data
    .split('\n')
    .slice(1)
    .map((row) => row.split('\t')[0] as string)
}

/** A temporary folder whose subfolder `root` is the only root, and a client of its server. */
export async function withFiles(work: (folder: string, wire: Wire) => Promise<void>, setup: Setup = {}): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'filesystem-'))
  try {
    await mkdir(join(folder, 'root'))
    await withWire({ ...setup, config: { FS_ROOTS: [join(folder, 'root')], ...setup.config } }, (wire) => work(folder, wire))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export async function withWire(setup: Setup, work: (wire: Wire) => Promise<void>): Promise<void> {
  const config: FilesystemConfig = {
    FS_ALLOW_HIDDEN: true,
    FS_DENY_HARDLINKS: false,
    FS_MAX_READ_BYTES: 262_144,
    ...setup.config,
  }
  const backend = openFilesystem(config, setup.limits)
  const tools = filesystem.tools(backend, environmentOf(setup.environment))
  try {
    await withTools({ name: 'filesystem', tools, maxResultBytes: 1_000_000 }, (client) => work({ ...client, backend }))
  } finally {
    await backend.close()
  }
}
