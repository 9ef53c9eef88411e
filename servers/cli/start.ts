// `octet start`: serves all servers in one process, or those that are named. `octet serve` is its other name.
import { parseArgs } from 'node:util'
import { serve } from '../host/serve.ts'
import { definitionsOf } from './catalog.ts'
import { readEnvironment } from './dotenv.ts'

export async function start(args: string[]): Promise<void> {
  const { positionals: names } = parseArgs({ args, allowPositionals: true })
  const definitions = await definitionsOf(names)
  const { env, read } = readEnvironment()
  await serve(definitions, { env, command: true, envFile: read })
}
