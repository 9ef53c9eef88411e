// The ways to use the containers, on real bridges: joining a gateway and a database of another Compose project, and with a LiteLLM of our own.
// Everything is asked from inside, because these networks cannot be reached from outside. And what a wrong configuration says.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import packageJson from '../../package.json' with { type: 'json' }
import { serverNames } from '../../servers/cli/catalog.ts'
import { embedded } from '../../servers/kit/sql/test/running.ts'
import { skipLitellm } from '../fixtures/litellm.ts'
import { test } from '../runner/harness.ts'
import { docker, dockerOk, hostEngine, networksEngine, Project, skipContainers } from './containers.ts'

const image = `octet-mcp:${packageJson.version}`
const patienceMs = 120_000
const containerTest = test.unless(skipContainers)
const gatewayTest = test.unless(skipContainers ?? skipLitellm)

/** Runs a script in a new container on a network, with `ask(url, options)` that answers `{status, body}` or `{error}`; returns its JSON. */
async function inside<T>(network: string, script: string, env: Record<string, string> = {}): Promise<T> {
  const ask = `const ask = (url, options = {}) => fetch(url, { ...options, signal: AbortSignal.timeout(60_000) }).then(
    async (res) => { const text = await res.text(); try { return { status: res.status, body: JSON.parse(text) } } catch { return { status: res.status, body: text } } },
    (error) => ({ error: error.cause?.code ?? error.name }))`
  const body = `${ask}\n;(async () => { ${script} })().then((value) => console.log(JSON.stringify(value)))`
  const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`])
  const args = ['run', '--rm', '--network', network, ...variables, '--entrypoint', 'node', image, '-e', body]
  return JSON.parse(await dockerOk(networksEngine, args))
}

/** Tries until `done`. @throws Error with the last answer */
async function until<T>(what: string, tryIt: () => Promise<T>, done: (answer: T) => boolean): Promise<T> {
  const end = Date.now() + patienceMs
  for (;;) {
    const answer = await tryIt()
    if (done(answer)) return answer
    if (Date.now() > end) throw new Error(`${what}: not within ${patienceMs} ms; last: ${JSON.stringify(answer).slice(0, 1_000)}`)
    await delay(1_000)
  }
}

interface Answer {
  status?: number
  error?: string
  /** What a test reads of it, it knows to be there. */
  body?: any
}

const alive = (base: string): Promise<Answer> => inside('octet-filesystem', `return await ask('${base}/health/liveliness')`)

/** One REST call of LiteLLM's, from its own network. */
function gateway(key: string, path: string, body?: object): Promise<Answer> {
  const script = `return await ask('http://litellm:4000' + process.env.ASK_PATH, {
    headers: { authorization: 'Bearer ' + process.env.ASK_KEY, 'content-type': 'application/json' },
    ...(process.env.ASK_BODY ? { method: 'POST', body: process.env.ASK_BODY } : {}) })`
  const ask = { ASK_PATH: path, ASK_KEY: key, ...(body === undefined ? {} : { ASK_BODY: JSON.stringify(body) }) }
  return inside('octet-postgres', script, ask)
}

/** What the stand-in for LiteLLM's image needs of this machine. */
async function withStandIns(use: (env: Record<string, string>, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-networks-'))
  await chmod(folder, 0o755)
  await mkdir(join(folder, 'postgres'))
  await writeFile(join(folder, 'postgres/password'), randomBytes(16).toString('hex'), { mode: 0o644 })
  const litellm = process.env.OCTET_TEST_LITELLM ?? ''
  const venv = litellm.replace(/\/bin\/litellm$/, '')
  const python = execFileSync(join(venv, 'bin/python'), ['-c', 'import sys; print(sys.base_prefix)'], { encoding: 'utf8' }).trim()
  const base = (await dockerOk(networksEngine, ['images', '--format', '{{.Repository}}:{{.Tag}}', 'node'])).split('\n')[0] ?? ''
  try {
    await use(
      {
        TEST_VENV: venv,
        TEST_PYTHON: python,
        TEST_BASE_IMAGE: base,
        TEST_POSTGRES: embedded.bin.replace(/\/bin$/, ''),
        TEST_MASTER_KEY: `sk-${randomBytes(16).toString('hex')}`,
        SECRETS: folder,
      },
      folder,
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const firstCall = `return await ask('http://127.0.0.1:8085/mcp', { method: 'POST', body: process.env.ASK_BODY, headers: {
  authorization: 'Bearer ' + process.env.ASK_TOKEN, 'content-type': 'application/json', accept: 'application/json, text/event-stream' } })`

/** What way 1 of docker/README.md writes into .env. */
const joinedEnv = `PGHOST=postgres
PGUSER=mcp_reader
PGDATABASE=postgres
PGPASSWORD_FILE=/run/secrets/postgres/password
`

gatewayTest(
  'joins what is there: a gateway and a database of another project, which comes late and goes away',
  () =>
    withStandIns(async (env, folder) => {
      const files = ['docker/compose.yaml', 'docker/compose.join.yaml', 'test/containers/postgres-env.yaml']
      const TEST_ENV = join(folder, 'env')
      await writeFile(TEST_ENV, joinedEnv)
      const octet = new Project(networksEngine, 'octet-join', files, { ...env, TEST_ENV, POSTGRES_NET: 'postgres-net' })
      const config = await dockerOk(hostEngine, [
        'run',
        '--rm',
        '--network',
        'none',
        image,
        ...['connect', 'litellm', '--complete', '--url', 'http://mcp-{server}:8080'],
        'postgres',
        'filesystem',
      ])
      await writeFile(join(folder, 'litellm.yaml'), config, { mode: 0o644 })
      const household = new Project(networksEngine, 'household', ['test/containers/gateway.yaml'], env)
      const ready = (): Promise<Answer> => inside('octet-postgres', "return await ask('http://mcp-postgres:8080/ready')")
      await docker(networksEngine, ['network', 'create', 'postgres-net'])
      try {
        await octet.run('up', '--detach', '--no-build', 'mcp-postgres', 'mcp-filesystem-port')
        // Nothing answers yet: the server is alive and says so.
        const health = () => inside<Answer>('octet-postgres', "return await ask('http://mcp-postgres:8080/health')")
        await until('alive', health, ({ status }) => status === 200)
        assert.equal((await ready()).status, 503)

        await household.run('up', '--detach')
        await until('ready when the database has come', ready, ({ status }) => status === 200)
        await until(
          'LiteLLM',
          () => alive('http://litellm:4000'),
          ({ status }) => status === 200,
        )
        const key = env.TEST_MASTER_KEY ?? ''
        const query = { name: 'postgres_query', server_id: 'postgres', arguments: { query: 'SELECT 6 * 7 AS answer' } }
        const answer = await gateway(key, '/mcp-rest/tools/call', query)
        assert.match(answer.body.content[0].text, /\n42\n/, JSON.stringify(answer))
        const listing = { name: 'list_directory', server_id: 'filesystem', arguments: {} }
        assert.equal((await gateway(key, '/mcp-rest/tools/call', listing)).body.isError, false)

        await household.run('stop', '--timeout', '5', 'postgres')
        await until('unready without the database', ready, ({ status }) => status === 503)
        const refused = await gateway(key, '/mcp-rest/tools/call', query)
        assert.match(refused.body.content[0].text, /^ERROR UPSTREAM_UNREACHABLE/, JSON.stringify(refused))
        const listed = await gateway(key, '/mcp-rest/tools/list')
        assert.ok(listed.body.tools.some(({ name }: { name: string }) => name === 'postgres_query'))
        await household.run('start', 'postgres')
        await until('ready again by itself', ready, ({ status }) => status === 200)
        const again = await gateway(key, '/mcp-rest/tools/call', query)
        assert.match(again.body.content[0].text, /\n42\n/)
      } finally {
        await household.down()
        await octet.down()
        await docker(networksEngine, ['network', 'rm', 'postgres-net'])
      }
    }),
  { timeoutMs: 400_000 },
)

gatewayTest(
  'brings a LiteLLM of its own, which has the tools of all eight; no server reaches another',
  () =>
    withStandIns(async (env) => {
      const files = ['docker/compose.yaml', 'test/containers/litellm.yaml']
      const octet = new Project(networksEngine, 'octet-own', files, env)
      const config = JSON.parse(await octet.run('--profile', 'litellm', 'config', '--format', 'json'))
      await dockerOk(networksEngine, ['tag', env.TEST_BASE_IMAGE ?? '', config.services.litellm.image])
      try {
        await octet.run('--profile', 'litellm', 'up', '--detach', '--no-build')
        await until(
          'LiteLLM',
          () => alive('http://litellm:4000'),
          ({ status }) => status === 200,
        )
        const key = await octet.run('exec', 'litellm', 'cat', '/run/octet/litellm/master-key')
        assert.match(key, /^sk-[0-9a-f]{48}$/)
        const lists = async (): Promise<string[]> => {
          const { body } = await gateway(key, '/mcp-rest/tools/list')
          const tools: { mcp_info: { server_name: string } }[] = body?.tools ?? []
          return [...new Set(tools.map(({ mcp_info }) => mcp_info.server_name))].sort()
        }
        assert.deepEqual(await until('all eight', lists, (names) => names.length === serverNames.length), [...serverNames].sort())

        // Who took over the fetcher or the browser finds no other server, by name or by address.
        const postgres = await octet.container('mcp-postgres')
        const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
        const address = await dockerOk(networksEngine, ['inspect', '--format', format, postgres])
        for (const network of ['octet-fetch', 'octet-playwright']) {
          const script = `const reached = (host) => fetch('http://' + host + ':8080/health', { signal: AbortSignal.timeout(5_000) }).then(() => true, () => false)
            return [await reached('mcp-postgres'), await reached('${address}')]`
          assert.deepEqual(await inside(network, script), [false, false], network)
        }
        // One command shows all eight.
        const { stdout: table } = await octet.try('run', '--rm', 'status')
        for (const name of serverNames) assert.match(table, new RegExp(`^${name} `, 'm'))

        // What the README promises to the host, which here is the engine's network namespace. The token is what `run --rm token` prints.
        const token = await octet.run('run', '--rm', 'token')
        const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list_directory', arguments: {} } }
        const fromHost = await inside<Answer>('host', firstCall, { ASK_TOKEN: token, ASK_BODY: JSON.stringify(call) })
        assert.equal(fromHost.body.result.isError ?? false, false, JSON.stringify(fromHost))
        // A rotation: for a while both tokens are valid.
        await octet.run('run', '--rm', 'rotate')
        const renewed = await octet.run('run', '--rm', 'token')
        assert.notEqual(renewed, token)
        const status = async (ASK_TOKEN: string): Promise<number | undefined> =>
          (await inside<Answer>('host', firstCall, { ASK_TOKEN, ASK_BODY: JSON.stringify(call) })).status
        await until(
          'the new token',
          () => status(renewed),
          (code) => code === 200,
        )
        assert.equal(await status(token), 200)
        await octet.run('run', '--rm', 'rotate', 'finish')
        await until(
          'the end of the old token',
          () => status(token),
          (code) => code === 401,
        )
        assert.equal(await status(renewed), 200)

        const ports = [8081, 8082, 8083, 8084, 8086, 8087, 8088]
        const states = await inside<Answer[]>(
          'host',
          `return await Promise.all(${JSON.stringify(ports)}.map((port) => ask('http://127.0.0.1:' + port + '/health')))`,
        )
        assert.deepEqual(
          states.map(({ status }) => status),
          ports.map(() => 200),
        )

        // The container with the files has no route to the forwarder's other network, to another server or to the host's ports.
        const forwarder = await octet.container('mcp-filesystem-port')
        const other =
          '{{(index .NetworkSettings.Networks "octet-filesystem-port").IPAddress}} {{(index .NetworkSettings.Networks "octet-filesystem-port").Gateway}}'
        const [forwarderAddress = '', gatewayAddress = ''] = (
          await dockerOk(networksEngine, ['inspect', '--format', other, forwarder])
        ).split(' ')
        const targets = [`${forwarderAddress}:8080`, `${gatewayAddress}:8081`, `${address}:8080`, '192.0.2.1:80']
        const tries = `Promise.all(${JSON.stringify(targets)}.map((target) => new Promise((resolve) => {
          const [host, port] = target.split(':')
          const socket = require('node:net').connect({ host, port: Number(port) }, () => resolve('reached'))
          socket.setTimeout(3_000, () => resolve('no answer'))
          socket.on('error', ({ code }) => resolve(code))
        }))).then((found) => { console.log(JSON.stringify(found)); process.exit() })`
        const found: string[] = JSON.parse(await octet.run('exec', '--no-TTY', 'mcp-filesystem', 'node', '-e', tries))
        assert.ok(
          found.every((each) => each !== 'reached'),
          `${targets}: ${found}`,
        )

        const audit = await octet.run(
          'exec',
          '--no-TTY',
          'mcp-filesystem',
          'node',
          '-p',
          "require('node:fs').readdirSync('/audit').join()",
        )
        assert.match(audit, /filesystem\.jsonl/)
      } finally {
        await octet.down()
      }
    }),
  { timeoutMs: 400_000 },
)

for (const { title, args, problem } of [
  {
    title: 'a secret file that is not there',
    args: ['-e', 'MCP_AUTH_TOKEN_FILE=/run/secrets/nothing'],
    problem: /^MCP_AUTH_TOKEN_FILE: cannot read the file it names \(ENOENT\)/,
  },
  {
    title: 'a secret given twice',
    args: ['-e', 'MCP_AUTH_TOKEN=for-tests-only', '-e', 'MCP_AUTH_TOKEN_FILE=/app/LICENSE'],
    problem: /^MCP_AUTH_TOKEN and MCP_AUTH_TOKEN_FILE are both set/,
  },
  { title: 'no token', args: [], problem: /^MCP_HOST=0\.0\.0\.0 can be reached from other machines, and no token is set/ },
  {
    title: 'a number that is none',
    args: ['-e', 'MCP_AUTH_TOKEN=for-tests-only', '-e', 'PG_MAX_CONNECTIONS=many'],
    problem: /^PG_MAX_CONNECTIONS: expected an integer/,
  },
]) {
  containerTest(`${title}: one line, and exit code 78`, async () => {
    const { code, stderr } = await docker(hostEngine, ['run', '--rm', '--network', 'none', ...args, image, 'postgres'])
    const problems = stderr.split('\n').filter((line) => line.startsWith('  - '))
    assert.equal(problems.length, 1, stderr)
    assert.match(problems[0]?.slice(4) ?? '', problem)
    assert.equal(code, 78)
  })
}

containerTest('a name of no server is answered with those that there are', async () => {
  const { code, stderr } = await docker(hostEngine, ['run', '--rm', '--network', 'none', image, 'postgress'])
  assert.equal(code, 2)
  assert.match(stderr, /postgress/)
})

containerTest(
  'two containers on one audit volume: the second refuses to start; after a kill the first starts again',
  async () => {
    const volume = `octet-audit-${randomBytes(4).toString('hex')}`
    const settings = ['-e', 'MCP_AUTH_TOKEN=for-tests-only', '-e', 'AUDIT_FILE=/audit/both.jsonl', '-v', `${volume}:/audit`]
    const args = ['--network', 'none', ...settings, image, 'filesystem']
    const first = await dockerOk(hostEngine, ['run', '--detach', ...args])
    const running = async (): Promise<string> =>
      (await docker(hostEngine, ['exec', first, 'node', '/app/health.cjs'])).code === 0 ? 'answers' : 'does not answer'
    try {
      await until('the first', running, (found) => found === 'answers')
      const { code, stderr } = await docker(hostEngine, ['run', '--rm', ...args])
      assert.equal(code, 78)
      assert.match(stderr, /AUDIT_FILE: \/audit\/both\.jsonl is written by process/)
      await dockerOk(hostEngine, ['kill', first])
      await dockerOk(hostEngine, ['start', first])
      await until('the first after its kill', running, (found) => found === 'answers')
    } finally {
      await docker(hostEngine, ['rm', '--force', first])
      await docker(hostEngine, ['volume', 'rm', volume])
    }
  },
)

containerTest('both images run the octet command', async () => {
  const { version } = packageJson
  for (const name of [image, `octet-mcp-playwright:${version}`]) {
    const octet = (...args: string[]) => docker(hostEngine, ['run', '--rm', '--network', 'none', name, ...args])
    assert.deepEqual(await octet('--version'), { code: 0, stdout: `${version}\n`, stderr: '' }, name)
    assert.match((await octet('--help')).stdout, /octet status/)
    const status = await octet('status', 'http://127.0.0.1:9')
    assert.equal(status.code, 1)
    assert.match(status.stdout, /ECONNREFUSED/)
    assert.match((await octet('audit', 'verify', '/nothing.jsonl')).stderr, /ENOENT|nothing\.jsonl/)
    const doctor = await octet('doctor')
    assert.match(doctor.stdout + doctor.stderr, /no token is set/)
  }
})

containerTest('the image holds no shell, and the files of no package manager', async () => {
  const { code } = await docker(hostEngine, ['run', '--rm', '--entrypoint', '/bin/sh', image, '-c', 'true'])
  assert.equal(code, 127)
  const list = `const { readdirSync } = require('node:fs')
    const folders = readdirSync('/').filter((name) => !['proc', 'sys', 'dev', '.dockerenv'].includes(name))
    const files = folders.flatMap((folder) => readdirSync('/' + folder, { recursive: true }).map((name) => folder + '/' + name))
    process.stdout.write(files.filter((path) => /node_modules|[/]npm|[/]bin[/]/.test(path)).join())`
  assert.equal(await dockerOk(hostEngine, ['run', '--rm', '--entrypoint', 'node', image, '-e', list]), 'usr/local/bin/node')
})

containerTest('the Compose files are clean, in every combination', async () => {
  for (const more of [[], ['docker/compose.join.yaml'], ['docker/compose.demo.yaml']]) {
    const files = ['docker/compose.yaml', ...more]
    const { code, stderr } = await new Project(hostEngine, 'octet-check', files).try('--profile', '*', 'config', '--quiet')
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  }
})

const dockerfiles = ['docker/Dockerfile', 'docker/Dockerfile.playwright']

containerTest('hadolint finds nothing in the Dockerfiles', () => {
  const out = execFileSync(process.env.OCTET_TEST_HADOLINT ?? 'hadolint', dockerfiles, { encoding: 'utf8' })
  assert.equal(out, '')
})

test('every image has this version, and the Node that CI calls the current one', () => {
  const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  const node = /node_lts=([\d.]+)/.exec(read('scripts/ci/backends.sh'))?.[1]
  for (const path of dockerfiles) {
    assert.match(read(path), new RegExp(`^ARG NODE_VERSION=${node}$`, 'm'), path)
    assert.match(read(path), new RegExp(`^ARG VERSION=${packageJson.version}$`, 'm'), path)
  }
  assert.ok(read('docker/compose.yaml').includes(`image: octet-mcp:\${OCTET_VERSION:-${packageJson.version}}`))
})
