// A server as it runs in its container: one bundle, the image's flags, and no more memory than the container has.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle, schemasOf } from '../../scripts/bundle.ts'
import type { AnyServer } from '../../servers/kit/definition.ts'
import { withChild } from './child.ts'
import { imageEnv, imageFlags } from './image.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Confined {
  readonly server: AnyServer
  readonly env: Record<string, string>
  /** `--max-old-space-size`; compose.yaml sets it. */
  readonly heapMiB: number
  /** What the container may have; where this machine admits it, the kernel ends the process beyond it. */
  readonly containerMiB: number
  /** What of it remains beside the pages of node's file that the process is working with. */
  readonly anonymousMiB: number
}

/** Runs `use` with the address of the server. @throws AssertionError when it needs more memory, or ends */
export async function withConfined(
  { server, env, heapMiB, containerMiB, anonymousMiB }: Confined,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `${server.name}-`))
  const group = await memoryGroup(server.name, containerMiB)
  try {
    const script = join(folder, `${server.name}.cjs`)
    const entry = `
      import { ${server.name} } from '${join(root, `servers/${server.name}/index.ts`)}'
      import { serve } from '${join(root, 'servers/host/serve.ts')}'
      void serve([${server.name}], { env: process.env })`
    await bundle(script, entry, schemasOf(server))
    const run = async ({ url, process, exited }: Parameters<Parameters<typeof withChild>[3]>[0]): Promise<void> => {
      const peakMiB = watchAnonymous(process.pid ?? 0)
      let mib = 0
      const ended = exited.then((code) => assert.fail(`it ended (${code ?? process.signalCode}), perhaps out of memory`))
      await Promise.race([use(url), ended]).finally(() => {
        mib = peakMiB()
        ended.catch(() => {}) // from here on it is to end
      })
      assert.ok(mib < anonymousMiB, `${mib.toFixed(1)} MiB that cannot be given back`)
    }
    const nodeFlags = [...imageFlags, `--max-old-space-size=${heapMiB}`]
    await withChild(script, [], { ...imageEnv, ...env }, run, { nodeFlags, group })
  } finally {
    if (group !== undefined) await rmdir(group)
    await rm(folder, { recursive: true, force: true })
  }
}

/** A cgroup of its own with the container's limit, where this machine lets us make one; beyond it the kernel ends the process. */
async function memoryGroup(name: string, mib: number): Promise<string | undefined> {
  for (const [base, file] of [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ] as const) {
    const group = join(base, `${name}-test-${process.pid}`)
    try {
      await mkdir(group)
      await writeFile(join(group, file), String(mib * 1024 * 1024))
      return group
    } catch {
      await rmdir(group).catch(() => {}) // not allowed here, or not this version of cgroups
    }
  }
  return undefined
}

/** Memory that cannot be given back: without the pages of node's own file. Read often, because the kernel keeps no peak of it. */
function watchAnonymous(pid: number): () => number {
  let peak = 0
  const timer = setInterval(() => {
    try {
      const [, kiB] = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
      peak = Math.max(peak, Number(kiB ?? 0) / 1024)
    } catch {
      // it has ended, which is reported elsewhere
    }
  }, 3)
  return () => {
    clearInterval(timer)
    return peak
  }
}
