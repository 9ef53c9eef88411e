// Reads the environment for a whole process: one report of all problems, or a configuration.
import { isLoopbackHost } from '../../protocol/index.ts'
import type { AnyServer } from '../kit/definition.ts'
import { type Env, findUnknown, readConfig, readNamedFile } from './config.ts'
import { checkSettings, settingsSchema } from './settings.ts'

/** @param demo whether demonstration defaults apply where none of a server's variables is set */
export function loadConfiguration(definitions: readonly AnyServer[], env: Env, { demo = false } = {}) {
  const common = readConfig(settingsSchema, env)
  const { misspelled, notes } = findUnknown([settingsSchema, ...definitions.map(({ config }) => config)], env)
  const servers = definitions.map((definition) => {
    const reading = readConfig(definition.config, env)
    const unset = reading.set.length === 0 && reading.problems.length === 0
    // A demonstration is for this machine only.
    const local = common.config === undefined || isLoopbackHost(common.config.MCP_HOST)
    const chosen = demo && unset && local ? definition.demo?.() : undefined
    if (chosen === undefined) return { definition, reading }
    const shown = Object.entries(chosen).map(([name, value]) => `${name}=${value}`)
    notes.push(`${definition.name}: none of its variables is set; for this demonstration ${shown.join(' ')}`)
    return { definition, reading: readConfig(definition.config, { ...env, ...chosen }) }
  })
  const fatal = [...misspelled, ...common.problems, ...(common.config === undefined ? [] : checkSettings(common.config))]
  const ca = readCa(common.config?.MCP_CA_FILE, fatal)
  // A problem of one server leaves it unready, and the others run.
  if (definitions.length === 1) fatal.push(...servers.flatMap(({ reading }) => reading.problems))
  return {
    settings: fatal.length === 0 ? common.config : undefined,
    servers,
    /** Problems that no process may start with. */
    fatal,
    /** Variables without effect and demonstration defaults, for the log. */
    notes,
    /** Content of MCP_CA_FILE. */
    ca,
    secrets: [...common.secrets, ...servers.flatMap(({ reading }) => reading.secrets)],
  }
}

function readCa(file: string | undefined, problems: string[]): string | undefined {
  const pem = file === undefined ? undefined : readNamedFile('MCP_CA_FILE', file, 'a PEM file', problems)
  if (pem === undefined || pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  problems.push('MCP_CA_FILE: the file holds no certificate; expected PEM')
  return undefined
}
