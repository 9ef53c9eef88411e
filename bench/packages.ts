// Installs the packages that the benchmarks compare with, each set in a folder of its own under the cache, with exact versions.
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'octet-bench')

/** Returns the folder with `node_modules`; it is made once. */
export async function npmPackages(...packages: string[]): Promise<string> {
  return installed(packages, async (folder) => {
    writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}')
    const env = { ...process.env, PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1' }
    await run('npm', ['install', '--no-audit', '--no-fund', '--omit=dev', '--loglevel=error', ...packages], { cwd: folder, env })
  })
}

/** Returns the folder of programs of a Python environment with the packages. */
export async function pythonPackages(...packages: string[]): Promise<string> {
  const folder = await installed(packages, async (folder) => {
    // Programs of an environment hold its path: it is made where it stays.
    await run('python3', ['-m', 'venv', '--copies', folder])
    await run(join(folder, 'bin/python'), ['-m', 'pip', 'install', '--quiet', ...packages])
  })
  return join(folder, 'bin')
}

/** The program NAME.js of bench/peers beside the packages that it imports. */
export async function peerProgram(name: string, ...packages: string[]): Promise<{ script: string; folder: string }> {
  const folder = await npmPackages(...packages)
  const script = join(folder, `${name}.js`)
  copyFileSync(join(root, 'bench/peers', `${name}.js`), script)
  return { script, folder }
}

/** The package of this project, installed from its tarball as a user does it. */
export async function ownPackage(): Promise<string> {
  const folder = join(cache, 'octet')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const { stdout } = await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { cwd: root })
  await run('npm', ['install', '--no-audit', '--no-fund', '--omit=peer', '--loglevel=error', `./${stdout.trim()}`], {
    cwd: folder,
  })
  return folder
}

/** MiB and packages below `node_modules`. */
export function sizeOf(folder: string): { mib: number; packages: number } {
  let bytes = 0
  let packages = 0
  for (const entry of readdirSync(join(folder, 'node_modules'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    bytes += statSync(join(entry.parentPath, entry.name)).size
    if (entry.name === 'package.json' && /node_modules\/(?:@[^/]+\/)?[^/]+$/.test(entry.parentPath)) packages += 1
  }
  return { mib: bytes / 2 ** 20, packages }
}

async function installed(packages: readonly string[], install: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cache, packages.join('+').replaceAll(/[^\w.@+-]/g, '_'))
  const mark = join(folder, '.installed')
  if (existsSync(mark)) return folder
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await install(folder)
  writeFileSync(`${mark}.new`, '')
  renameSync(`${mark}.new`, mark)
  return folder
}
