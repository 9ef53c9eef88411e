// The published package as users get it: packed from the sources and installed into a folder. Needs the npm registry.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../../package.json' with { type: 'json' }

export const repository = fileURLToPath(new URL('../..', import.meta.url))

/** Copies the files that git knows or would add to `folder/source`, and links `node_modules`. */
export function copyRepository(folder: string): string {
  const source = join(folder, 'source')
  for (const file of execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: repository, encoding: 'utf8' })
    .split('\n')
    .filter((name) => name !== '' && existsSync(join(repository, name)))) {
    mkdirSync(dirname(join(source, file)), { recursive: true })
    cpSync(join(repository, file), join(source, file))
  }
  symlinkSync(join(repository, 'node_modules'), join(source, 'node_modules'))
  return source
}

/** Packs a copy, so that `dist` is not rebuilt under other tests. Returns the archive's path. */
export function pack(folder: string): string {
  const source = copyRepository(folder)
  npm(source, 'pack', '--loglevel=error', '--pack-destination', folder)
  return join(folder, `${packageJson.name}-${packageJson.version}.tgz`)
}

export function install(folder: string, archive: string): void {
  npm(folder, 'install', '--no-audit', '--no-fund', '--loglevel=error', archive)
}

function npm(cwd: string, ...args: string[]): void {
  execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
}
