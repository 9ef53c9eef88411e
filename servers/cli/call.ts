// `octet call`: lists the tools of a running MCP server, or calls one and prints its result.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { ContentBlock } from '../../protocol/index.ts'
import { hasColours, type Row, renderTable } from '../host/columns.ts'
import { cleanText, parseIfJson } from '../kit/text.ts'
import { siblingAddress } from './http.ts'
import { type ListedTool, openClient } from './mcp-client.ts'
import { readHere } from './running.ts'
import { fail, failUnknown } from './usage.ts'

/** The server gives up first, and says why. */
const beyondToolTimeoutMs = 10_000
const maxFilesOfOneName = 10_000

/** Exit code 1 when the tool, or the server, answers with an error. */
export async function call(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } })
  const here = readHere()
  const isAddress = /[:/]/.test(positionals[0] ?? '')
  const [given, [name, ...words]] = isAddress ? [positionals[0], positionals.slice(1)] : [here.url, positionals]
  const url = siblingAddress(given ?? '', '/mcp') ?? fail(`"${given}" is not a valid http(s) address`)
  try {
    const client = await openClient(url, here.token, here.settings.MCP_TOOL_TIMEOUT_MS + beyondToolTimeoutMs)
    const tools = await client.tools()
    if (name === undefined) return print(values.json === true ? JSON.stringify(tools, undefined, 2) : tableOf(tools))
    const names = tools.map((each) => each.name)
    const tool = tools.find((each) => each.name === name) ?? failUnknown('tool', name, names)
    const result = await client.call(name, argumentsOf(tool, words))
    const blocks = result.content ?? []
    print(values.json === true ? JSON.stringify(result, undefined, 2) : blocks.map((block) => textOf(block, name)).join('\n'))
    if (result.isError === true) process.exitCode = 1
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const refused = code === 'ECONNREFUSED' ? 'nothing listens there (ECONNREFUSED); start it with: octet start' : message
    process.stderr.write(`octet: ${url.href}: ${refused}\n`)
    process.exitCode = 1
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function tableOf(tools: readonly ListedTool[]): string {
  const rows = tools.map(({ name, description = '', inputSchema }): Row => {
    const { properties = {}, required = [] } = inputSchema
    const [sentence = ''] = cleanText(description).split(/(?<=\.)\s/, 1)
    const names = Object.keys(properties).map((key) => (required.includes(key) ? key : `[${key}]`))
    return { cells: [name], notes: [sentence, ...(names.length === 0 ? [] : [`arguments: ${names.join(' ')}`])] }
  })
  return renderTable(['tool'], rows, hasColours(process.stdout))
}

/** One JSON object, or `key=value` words whose values are read as the type that the tool's schema declares. */
function argumentsOf({ name, inputSchema }: ListedTool, words: readonly string[]): unknown {
  const [first = ''] = words
  if (first.startsWith('{')) {
    return parseIfJson(words.join(' ')) ?? fail(`the arguments of ${name} are not valid JSON; write them in single quotes`)
  }
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf('=')
      if (equals < 1) return fail(`"${word}" is not an argument; write it as key=value`)
      const key = word.slice(0, equals)
      const types = [inputSchema.properties?.[key]?.type ?? 'string'].flat()
      const text = word.slice(equals + 1)
      // Of what is not JSON the server says what it expected.
      return [key, types.includes('string') ? text : (parseIfJson(text) ?? text)]
    }),
  )
}

/** A block as text for a terminal; what is not text goes into a file, whose name is returned. */
function textOf(block: ContentBlock, tool: string): string {
  switch (block.type) {
    case 'text':
      return cleanText(block.text)
    case 'image':
    case 'audio':
      return save(Buffer.from(block.data, 'base64'), block.mimeType, tool)
    default:
      return cleanText(JSON.stringify(block, undefined, 2))
  }
}

function save(bytes: Buffer, mimeType: string, tool: string): string {
  const name = tool.replace(/[^\w-]/g, '_')
  const extension = /^\w+\/([a-z0-9]+)/.exec(mimeType)?.[1] ?? 'bin'
  for (let i = 1; i <= maxFilesOfOneName; i++) {
    const file = `${name}-${i}.${extension === 'jpeg' ? 'jpg' : extension}`
    try {
      writeFileSync(file, bytes, { flag: 'wx' })
      return `${mimeType}, ${bytes.length} bytes: saved as ${file}`
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
  throw new Error(`${name}-1 to ${name}-${maxFilesOfOneName} exist here; remove some`)
}
