// get_system_metrics on a real Netdata.
import assert from 'node:assert/strict'
import { send, withServer } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { type Wire, withWire } from './wire.ts'

const url = process.env.OCTET_TEST_NETDATA_URL
const live = test.unless(url === undefined ? 'Netdata is not running (OCTET_TEST_NETDATA_URL)' : undefined)
const withNetdata = (work: (wire: Wire) => Promise<void>) => withWire({ config: { NETDATA_URL: url } }, work)

/** The same agent behind a proxy that hides one command, as older agents lack it. */
const withoutCommand = (command: string, work: (wire: Wire) => Promise<void>): Promise<void> =>
  withServer(
    async (req, res) => {
      const { pathname, search } = new URL(req.url ?? '', 'http://proxy')
      if (pathname.endsWith(`/api/v1/${command}`)) {
        res.writeHead(404).end(`Unsupported v1 API command: ${command}`)
        return
      }
      const { status, text } = await send(`${url}${pathname}${search}`)
      res.writeHead(status).end(text)
    },
    (proxy) => withWire({ config: { NETDATA_URL: proxy } }, work),
  )

interface Dimension {
  name: string
  now?: number
  min: number
  avg: number
  max: number
}

live('answers "is anything wrong" without arguments, in about a kilobyte', () =>
  withNetdata(async ({ call }) => {
    const answer = await call('get_system_metrics', { include_alerts: false })
    assert.match(answer.text, /^[4-6] charts over the last 5 min; up \d/)
    assert.match(answer.data, /^system\.cpu \(percentage.*\)\tnow\tmin\tavg\tmax$/m)
    assert.match(answer.data, /^system\.load \(load\)\tnow\tmin\tavg\tmax\nload\d+\t/m)
    assert.deepEqual(answer.meta.warnings, [])
    const [text = ''] = answer.text.split('\ndisk.space ') // a machine that runs containers has any number of mounts
    assert.ok(text.length < 1_500, String(text.length))
    for (const { id, dimensions } of answer.structured.charts as { id: string; dimensions: Dimension[] }[]) {
      for (const { name, min, avg, max } of dimensions)
        assert.ok(min <= avg + 1e-6 && avg <= max + 1e-6, `${id} ${name}: ${min} ${avg} ${max}`)
    }
  }),
)

live("memory adds up to the machine's", () =>
  withNetdata(async ({ call }) => {
    const answer = await call('get_system_metrics', { charts: ['system.ram'], after: 10 })
    const dimensions = answer.structured.charts[0].dimensions as Dimension[]
    const [, kiB] = /MemTotal:\s+(\d+)/.exec(await (await import('node:fs/promises')).readFile('/proc/meminfo', 'utf8')) ?? []
    const sum = dimensions.reduce((total, { now = 0 }) => total + now, 0)
    assert.ok(Math.abs(sum - Number(kiB) / 1024) < Number(kiB) / 1024 / 10, `${sum} of ${Number(kiB) / 1024} MiB`)
  }),
)

live('takes contexts and charts alike, with the same units', () =>
  withNetdata(async ({ call }) => {
    const contexts = (await send(`${url}/api/v1/contexts?options=charts`)).json().contexts
    const [chart] = Object.keys(contexts['disk.space'].charts)
    const answer = await call('get_system_metrics', { charts: ['disk.space', chart], points: 3, include_alerts: false })
    const [context, one] = answer.structured.charts
    assert.equal(context.units, 'GiB')
    assert.equal(one.units, 'GiB')
    assert.ok(context.dimensions.length >= one.dimensions.length && one.dimensions.length > 0)
    assert.match(answer.data, /points from \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ every \d+ s/)
    assert.equal(one.dimensions[0].points.length, one.times.length)
  }),
)

live('an unknown chart names its neighbours and leaves the others', () =>
  withNetdata(async ({ call }) => {
    const answer = await call('get_system_metrics', { charts: ['system.lod', 'system.load'] })
    assert.equal(answer.isError, false)
    assert.match(answer.meta.warnings.join(), /no chart or context "system\.lod" \(similar: system\.load/)
    const alone = await call('get_system_metrics', { charts: ['system.lod'] })
    assert.match(
      alone.text,
      /^ERROR NOT_FOUND: no Netdata chart or context "system\.lod" \(similar: system\.load.* TRY: \{"charts":\["system\.load"/,
    )
  }),
)

live('knows its nodes', () =>
  withNetdata(async ({ call }) => {
    const unknown = await call('get_system_metrics', { node: 'no-such-node' })
    assert.match(unknown.text, /^ERROR NOT_FOUND: Netdata has no node "no-such-node"\. Known: \S+\. TRY: \{"node":"\S+"\}$/)
    const { node } = JSON.parse(unknown.text.slice(unknown.text.indexOf('TRY: ') + 5))
    assert.match((await call('get_system_metrics', { node })).text, new RegExp(`^\\d charts of ${node} over`))
  }),
)

live('the state tells the version', () =>
  withNetdata(async ({ backend }) => {
    const { netdata } = await backend.probe(AbortSignal.timeout(5_000))
    assert.match(String(netdata), /^v\d+\.\d+/)
  }),
)

live('a chart name is never a pattern or a piece of a query string', () =>
  withNetdata(async ({ call }) => {
    const names = [
      'system.*',
      'system.cpu|system.load',
      'system.cpu&before=-100',
      'system.cpu%26before=-100',
      '!system.cpu',
      'system.cpu,system.load',
      '*',
      'system.cpu ',
    ]
    for (const name of names.slice(0, -1)) {
      const { text } = await call('get_system_metrics', { charts: [name] })
      assert.match(text, /^ERROR NOT_FOUND: no Netdata chart or context /, name)
    }
    assert.match(
      (await call('get_system_metrics', { charts: ['system.cpu '] })).text,
      /^1 chart /,
      'spaces around a name do not matter',
    )
    const { text } = await call('get_system_metrics', { charts: ['system.cpu', 'system.*'] })
    assert.match(text, /^1 chart over/)
    assert.match(text, /NOTE: no chart or context "system\.\*" \(similar: system\.\w+, system\.\w+/)
  }),
)

live('every wrong name has its suggestions', () =>
  withNetdata(async ({ call }) => {
    const { text } = await call('get_system_metrics', { charts: ['system.lod', 'disk.spce', 'ghost.nohost'] })
    assert.match(text, /"system\.lod" \(similar: system\.load.*"disk\.spce" \(similar: disk\.space.*"ghost\.nohost"/)
    assert.match(text, /TRY: \{"charts":\["system\.load","disk\.space"\]\}$/)
  }),
)

live('the default answer says how long the machine has been up', () =>
  withNetdata(async ({ call }) => {
    const { text, structured } = await call('get_system_metrics')
    assert.match(text, /^\d charts over the last 5 min; up [\d.]+ (s|min|h|d); /)
    const [uptime] = (await (await import('node:fs/promises')).readFile('/proc/uptime', 'utf8')).split(' ')
    assert.ok(Math.abs(structured.uptime_seconds - Number(uptime)) < 60, `${structured.uptime_seconds} ${uptime}`)
    const named = await call('get_system_metrics', { charts: ['system.load'] })
    assert.equal(named.structured.uptime_seconds, undefined)
  }),
)

live('an agent without the list of contexts, or without that of charts, answers the same', async () => {
  const charts = ['system.load', 'disk.space', 'system.nosuch']
  const shapeOf = async ({ call }: Wire): Promise<unknown> => {
    const { structured, meta } = await call('get_system_metrics', { charts })
    const shapes = structured.charts.map(
      ({ id, units, dimensions, error }: { dimensions?: Dimension[] } & Record<string, string>) => [
        id,
        units,
        dimensions?.map(({ name }) => name).sort(),
        error,
      ],
    )
    return [shapes, meta.warnings.map((warning) => warning.slice(0, 40))]
  }
  const shapes: unknown[] = []
  await withNetdata(async (wire) => void shapes.push(await shapeOf(wire)))
  for (const command of ['contexts', 'charts', 'alarms'])
    await withoutCommand(command, async (wire) => {
      const [shape, warnings] = (await shapeOf(wire)) as [unknown, string[]]
      shapes.push([shape, warnings.filter((warning) => !warning.startsWith('alerts are missing'))])
    })
  for (const shape of shapes.slice(1)) assert.deepEqual(shape, shapes[0])
})

live(
  'every context has the dimensions and the unit that the API says, and an average between smallest and largest',
  () =>
    withNetdata(async ({ call }) => {
      const { contexts } = (await send(`${url}/api/v1/contexts`)).json()
      const ids = Object.keys(contexts)
      for (let i = 0; i < ids.length; i += 10) {
        const charts = ids.slice(i, i + 10)
        const { structured, text } = await call('get_system_metrics', { charts, after: 120, include_alerts: false })
        for (const { id, units, dimensions, zero, error } of structured.charts) {
          assert.equal(error, undefined, text)
          assert.equal(units, contexts[id].units)
          const query = new URLSearchParams({ context: id, after: '-120', points: '1', options: 'jsonwrap|unaligned' })
          const { status, json } = await send(`${url}/api/v1/data?${query}`)
          // 404: none of its charts is left.
          const values: (number | null)[] = status === 404 ? [] : (json().result.data[0]?.slice(1) ?? [])
          assert.equal(dimensions.length + zero, values.filter((value) => value !== null).length, id)
          for (const one of dimensions as Dimension[]) {
            assert.ok(one.min <= one.avg + 1e-6 && one.avg <= one.max + 1e-6, `${id} ${JSON.stringify(one)}`)
          }
        }
      }
    }),
  { timeoutMs: 90_000 },
)
