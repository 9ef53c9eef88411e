// What the tool definitions cost in every request of every model, counted with the tokenizer of OpenAI's current models.
import { Tiktoken } from 'js-tiktoken/lite'
import o200k from 'js-tiktoken/ranks/o200k_base'
import type { AnyTool } from '../protocol/index.ts'
import { catalog, listingEnvironment, serverNames } from '../servers/cli/catalog.ts'

const budget = 6_000

const definitions = await Promise.all(serverNames.map((name) => catalog[name]()))

/** Prints the tokens of each server's tools as a model's API receives them, and the sum. */
export function countTokens(): number {
  const encoder = new Tiktoken(o200k)
  let sum = 0
  let count = 0
  for (const { name, tools } of definitions) {
    const all: readonly AnyTool[] = tools(undefined as never, listingEnvironment)
    const tokens = all.map(
      (tool) =>
        encoder.encode(JSON.stringify({ name: tool.name, description: tool.description, parameters: tool.inputSchema })).length,
    )
    const total = tokens.reduce((a, b) => a + b, 0)
    console.log(`tokens of ${name}: ${total} (${all.map((tool, i) => `${tool.name} ${tokens[i]}`).join(', ')})`)
    sum += total
    count += all.length
  }
  console.log(`tokens of all ${count} tools: ${sum} (aim ≤ ${budget} for 31)`)
  return sum
}
