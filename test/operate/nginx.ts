// Debian's nginx with docker/nginx.conf, in a folder of its own: only the port and the addresses of the replicas are the test's.
import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../servers/kit/sql/test/running.ts'
import { issue } from '../helpers/certificates.ts'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import type { Answer } from '../helpers/wire.ts'

export const nginxProgram = process.env.OCTET_TEST_NGINX ?? ''
export const skipNginx = nginxProgram === '' ? 'nginx is not installed (OCTET_TEST_NGINX)' : undefined
export const shipped = readFileSync(new URL('../../docker/nginx.conf', import.meta.url), 'utf8')
/** The name that the shipped file serves. */
export const publicHost = 'tools.example.org'

export interface Nginx {
  /** One request over TLS on a connection that is kept open, as `publicHost`. */
  send(path: string, options?: { method?: string; headers?: Record<string, string>; body?: string }): Promise<Answer>
  agent: Agent
  port: number
  /** The access log so far: for each request its status and the replicas that were asked, in order. */
  log(): Promise<{ status: number; replicas: string[] }[]>
}

/** @param replicas address by the name in the shipped file, `postgres-1`; nobody listens at the others */
export async function withNginx(replicas: Record<string, string>, use: (nginx: Nginx) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-nginx-'))
  await chmod(folder, 0o755)
  const port = await freePort()
  const { ca, server } = issue(publicHost)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`)
  const conf = shipped
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`)
    .replace('http {', `http {\n${temporary.join('\n')}`)
    .replace('access_log /dev/stdout', `access_log ${folder}/access.log`)
    .replaceAll(/server ([a-z0-9]+-\d):8080/g, (_, name: string) => `server ${replicas[name] ?? '127.0.0.1:9'}`)
  await writeFile(join(folder, 'nginx.conf'), conf)
  await writeFile(join(folder, 'octet.crt'), server.certificate)
  await writeFile(join(folder, 'octet.key'), server.key, { mode: 0o600 })
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', 'daemon off;']
  const child = new JsonLineProcess(nginxProgram, args, {}, 'stderr', {})
  const agent = new Agent({ keepAlive: true, ca, servername: publicHost })
  const send: Nginx['send'] = (path, { method = 'GET', headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const options = { method, agent, headers: { host: publicHost, ...headers } }
      const req = request(`https://127.0.0.1:${port}${path}`, options, (res) => {
        let text = ''
        res.setEncoding('utf8').on('data', (chunk) => (text += chunk))
        res.on('error', reject)
        res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: () => JSON.parse(text) }))
      })
      req.on('error', reject)
      req.end(body)
    })
  const log: Nginx['log'] = async () =>
    [...(await readFile(join(folder, 'access.log'), 'utf8')).matchAll(/" (\d+) [\d.]+ s replica=(.*)$/gm)].map(
      ([, status, asked = '']) => ({ status: Number(status), replicas: asked.split(', ') }),
    )
  try {
    await listening(() => send('/'), child)
    await use({ send, agent, port, log })
  } finally {
    agent.destroy()
    await child.stop('SIGTERM', 5_000)
    await rm(folder, { recursive: true, force: true })
  }
}

async function listening(ask: () => Promise<Answer>, child: JsonLineProcess): Promise<void> {
  const end = Date.now() + 10_000
  for (;;) {
    try {
      await ask()
      return
    } catch (error) {
      if (Date.now() > end) throw new Error(`nginx does not listen: ${(error as Error).message}\n${child.stderr}`)
      await delay(50)
    }
  }
}
