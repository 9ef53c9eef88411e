// npm run docs: writes the tables of tools and variables into the READMEs and LiteLLM's configuration into docker/, from the schemas
// themselves. With --check it only compares.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AnyTool, JsonSchema } from '../protocol/index.ts'
import { definitionsOf, toolsOf } from '../servers/cli/catalog.ts'
import { litellmConfig } from '../servers/cli/litellm-config.ts'
import { metricFamilies } from '../servers/host/metrics.ts'
import { settingsSchema } from '../servers/host/settings.ts'
import type { ConfigSchema, ValueSchema } from '../servers/kit/definition.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const check = process.argv.includes('--check')
const stale: string[] = []

const definitions = await definitionsOf([])
const servers = definitions.map((definition) => ({ ...definition, tools: toolsOf(definition) }))
for (const { name, config, tools } of servers) {
  fill(`servers/${name}/README.md`, { tools: toolTable(tools), environment: variableTable(config) })
}
fill('docs/configuration.md', { environment: variableTable(settingsSchema) })
fill('docs/operate.md', {
  metrics: table(
    ['metric', 'type', 'meaning'],
    Object.entries(metricFamilies).map(([name, [type, help]]) => [`\`${name}\``, type, help]),
  ),
})
write('docker/litellm.yaml', () =>
  litellmConfig({ servers: definitions, transport: 'sse', url: 'http://mcp-{server}:8080', token: true, complete: true }),
)

if (stale.length > 0) {
  console.error(`${check ? 'stale, run npm run docs' : 'written'}: ${stale.join(', ')}`)
  if (check) process.exitCode = 1
}

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
function fill(file: string, tables: Record<string, string>): void {
  write(file, (before) =>
    Object.entries(tables).reduce((text, [name, content]) => {
      const form = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`)
      if (!form.test(text)) throw new Error(`${file} has no <!-- ${name} --> … <!-- /${name} -->`)
      return text.replace(form, (_, open: string, close: string) => `${open}${content}\n${close}`)
    }, before),
  )
}

function write(file: string, change: (before: string) => string): void {
  const path = join(root, file)
  const before = readFileSync(path, 'utf8')
  const after = change(before)
  if (after === before) return
  stale.push(relative(root, path))
  if (!check) writeFileSync(path, after)
}

function toolTable(tools: readonly AnyTool[]): string {
  return tools
    .map((tool) => {
      const { properties = {}, required = [] } = tool.inputSchema
      const aliases = Object.entries(tool.aliases ?? {})
      const rows = Object.entries(properties).map(([name, property]) => {
        const also = aliases.filter(([, target]) => target === name).map(([alias]) => `\`${alias}\``)
        const about = [sentence(property.description), also.length > 0 ? `Also ${also.join(', ')}.` : undefined].filter(
          (text) => text !== undefined,
        )
        return [`\`${name}\``, typeOf(property), required.includes(name) ? 'required' : code(property.default), about.join(' ')]
      })
      return `### \`${tool.name}\`\n\n${tool.description}\n\n${table(['argument', 'type', 'default', ''], rows)}`
    })
    .join('\n\n')
}

function variableTable({ properties }: ConfigSchema): string {
  const rows = Object.entries(properties).map(([name, variable]) => {
    const also = (variable['x-aliases'] ?? []).map((alias) => `\`${alias}\``)
    const about = [
      sentence(variable.description),
      variable['x-secret'] === true ? `Secret: may come as \`${name}_FILE\`.` : undefined,
      also.length > 0 ? `Also ${also.join(', ')}.` : undefined,
    ]
    return [`\`${name}\``, typeOf(variable), code(variable.default), about.filter((text) => text !== undefined).join(' ')]
  })
  return table(['variable', 'type', 'default', ''], rows)
}

function sentence(text: string | undefined): string | undefined {
  return text === undefined || /[.!?]$/.test(text) ? text : `${text}.`
}

function typeOf({ type, enum: values, minimum, maximum, items }: JsonSchema | ValueSchema): string {
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(' ')
  const range = minimum !== undefined && maximum !== undefined ? ` ${minimum}…${maximum}` : ''
  return type === 'array'
    ? `list of ${items?.type ?? 'values'}`
    : `${Array.isArray(type) ? type.join(' or ') : (type ?? 'any')}${range}`
}

function code(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return ''
  return `\`${Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}
