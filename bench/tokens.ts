// What texts cost a model, counted with the tokenizer of OpenAI's current models.
import { Tiktoken } from 'js-tiktoken/lite'
import o200k from 'js-tiktoken/ranks/o200k_base'
import { catalog, serverNames, toolsOf } from '../servers/cli/catalog.ts'
import type { Tool } from './client.ts'

let encoder: Tiktoken | undefined

export function tokensOf(text: string): number {
  encoder ??= new Tiktoken(o200k)
  return encoder.encode(text).length
}

/** Tokens of the definitions as a model's API receives them. */
export function tokensOfTools(tools: readonly Tool[]): number {
  return tools.reduce(
    (sum, { name, description, inputSchema }) => sum + tokensOf(JSON.stringify({ name, description, parameters: inputSchema })),
    0,
  )
}

/** The servers of the catalog with the number of their tools and the tokens of the definitions. */
export async function tokensOfServers(): Promise<{ name: string; tools: number; tokens: number }[]> {
  const definitions = await Promise.all(serverNames.map((name) => catalog[name]()))
  return definitions.map((definition) => {
    const tools = toolsOf(definition)
    return { name: definition.name, tools: tools.length, tokens: tokensOfTools(tools) }
  })
}
