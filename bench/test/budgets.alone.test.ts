// The ratios to the bare server that bench/budgets.json allows, on a machine that does nothing else: .ci/run gives it a stage of its own.
// A paired measurement is repeated before it fails.
import { ok } from 'node:assert/strict'
import { show, test } from '../../test/runner/harness.ts'
import budgets from '../budgets.json' with { type: 'json' }
import { Figures, median, quantile } from '../report.ts'
import { bare, coldAndIdle, library, ownTargets, pairedCpu, whole, withServers } from '../wire.ts'

interface Measured {
  readonly rounds: Readonly<Record<string, number[]>>
  readonly limits: Readonly<Record<string, number>>
}

const attempts = 3
const own = await ownTargets()
process.once('exit', own.remove)

/** Fails when a budget is passed in every attempt by more than the noise: in three quarters of the rounds. */
async function within(measure: () => Promise<Measured>): Promise<void> {
  const seen: string[] = []
  let over: string[] | undefined
  for (let attempt = 0; attempt < attempts && over?.length !== 0; attempt++) {
    const { rounds, limits } = await measure()
    const names = over ?? Object.keys(limits)
    over = names.filter((name) => !(quantile(rounds[name] ?? [], 0.25) <= (limits[name] ?? 0)))
    seen.push(...names.map((name) => `${name}: ${median(rounds[name] ?? []).toFixed(2)}, budget ${limits[name]}`))
  }
  ok(over?.length === 0, `over the budget: ${over?.join(', ')} (${seen.join('; ')})`)
  show(seen.join('\n'))
}

for (const transport of ['sse', 'mcp'] as const) {
  const measure = async (): Promise<Measured> => {
    const figures = new Figures()
    await withServers(own.targets, transport, (servers) =>
      pairedCpu(figures, 'CPU', servers, { transport, sessions: 16, rounds: 7 }),
    )
    return {
      rounds: { [library]: figures.against('CPU', library, bare), [whole]: figures.against('CPU', whole, bare) },
      limits: { [library]: budgets.library[transport], [whole]: budgets.whole[transport] },
    }
  }
  test(`CPU of a call over ${transport} is within the budgets`, () => within(measure), { timeoutMs: 180_000 })
}

test('start and idle memory of a light bundle are within the budgets', () => within(startAndMemory), { timeoutMs: 120_000 })

async function startAndMemory(): Promise<Measured> {
  const figures = new Figures()
  const targets = own.targets.filter(({ name }) => name === bare)
  await coldAndIdle(figures, [...targets, own.cold], 5)
  const limits = { 'cold start': budgets.coldStart, 'idle memory (RSS)': budgets.idleMiB }
  return {
    rounds: Object.fromEntries(Object.keys(limits).map((name) => [name, figures.against(name, own.cold.name, bare)])),
    limits,
  }
}
