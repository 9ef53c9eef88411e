// The tokens of callers, renewed without a restart: their files are read again when they change and on SIGHUP.
import { watchFile } from 'node:fs'
import { type Access, createAccess } from '../../protocol/index.ts'
import type { Log } from '../kit/definition.ts'
import type { Redact } from '../kit/redact.ts'
import { type Env, readConfig } from './config.ts'
import { accessOptions, principals, type Settings, settingsSchema } from './settings.ts'

/** The variables that may hold the path of a file with tokens. */
const files = ['MCP_AUTH_TOKEN_FILE', 'MCP_AUTH_TOKENS_FILE'] as const
/** Polled, because a secret that Kubernetes renews is a symbolic link to another folder, which no watch on the file notices. */
const checkMs = 5_000

/** Checks callers against the tokens that are in force now. A file that cannot be read, or is empty, leaves them as they are. */
export function renewableAccess(env: Env, settings: Settings, log: Log, redact: Redact): Access {
  let current = createAccess(accessOptions(settings))
  const renew = (): void => {
    const { config, problems, secrets } = readConfig(settingsSchema, env)
    if (config === undefined) return log.error('tokens are kept, because the settings cannot be read', { problems })
    redact.add(secrets) // before anything can be logged that holds one
    current = createAccess(accessOptions(config))
    log.info('tokens were read again', { principals: principals(config).map(({ name }) => name) })
  }
  for (const name of files) {
    const file = env[name]
    if (file !== undefined && file !== '') watchFile(file, { interval: checkMs, persistent: false }, renew)
  }
  process.on('SIGHUP', renew)
  const access: Access = (req) => current(req)
  access.sharesWith = (origin) => current.sharesWith?.(origin) === true
  return access
}
