// Where a database server is and how to reach it: from a URL, or from single values, to one checked description.
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { text } from '../definition.ts'

const sslModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
type SslMode = (typeof sslModes)[number]

/** Schemas of variables, the same for every server that takes a target. */
export const portSchema = {
  type: 'string',
  // Kubernetes sets NAME_PORT=tcp://… for a service called NAME; such a value counts as none.
  pattern: '^(\\d{1,5}|tcp://.*)$',
  description: 'Port; 5432 without one',
  examples: ['5432'],
} as const
export const sslModeSchema = {
  type: 'string',
  enum: sslModes,
  description:
    'As libpq: `prefer` (the default) takes TLS where the server has it, `require` insists, `verify-full` also checks the certificate and its name',
} as const
export const sslRootCertSchema = text('PEM file of the authority to check the server against; implies `verify-full`')

export interface Target {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  /** Databases to try as the server's own, in this order: libpq takes the user's name, many servers only have `postgres`. */
  readonly databases: readonly [string, ...string[]]
  readonly sslMode: SslMode
  /** PEM texts to trust; undefined when nothing is to be verified. */
  readonly ca: readonly string[] | undefined
  readonly applicationName: string
}

/** The single values beside a URL, as a server's configuration names them. */
export type TargetParts = {
  [name in 'url' | 'host' | 'port' | 'user' | 'password' | 'database' | 'sslMode' | 'sslRootCert']?: string | undefined
}

export interface TargetOptions {
  /** Name of the variable that holds the URL, for error messages. */
  urlVariable: string
  applicationName: string
  /** A private authority that the whole process trusts (MCP_CA_FILE). */
  ca: string | undefined
}

/** @throws Error for the operator when the parts cannot be read; never shows a password */
export function resolveTarget(parts: TargetParts, options: TargetOptions): Target {
  const fromUrl = parts.url === undefined ? {} : parseUrl(parts.url, options.urlVariable)
  // As in libpq: what the URL says stands above the separate variables.
  const pick = (name: Exclude<keyof TargetParts, 'url'>): string | undefined => fromUrl[name] ?? parts[name]
  const host = pick('host') ?? 'localhost'
  const port = readPort(pick('port'))
  const user = pick('user') ?? 'postgres'
  const database = pick('database')
  const rootCert = pick('sslRootCert')
  const isSocket = host.startsWith('/')
  // A certificate that was named is there to be checked; without one libpq's default holds: TLS if the server has it.
  const sslMode = (pick('sslMode') ?? (isSocket ? 'disable' : rootCert === undefined ? 'prefer' : 'verify-full')) as SslMode
  if (!sslModes.includes(sslMode)) throw new Error(`sslmode must be one of ${sslModes.join(', ')}`)
  return {
    host,
    port,
    user,
    password: pick('password'),
    databases: database !== undefined ? [database] : user === 'postgres' ? ['postgres'] : [user, 'postgres'],
    sslMode,
    ca: trusted(sslMode, rootCert, options.ca),
    applicationName: options.applicationName,
  }
}

/** `user@host:port/database`, as the audit trail, the log and /ready name it. */
export function describeTarget({ host, port, databases, user }: Target): string {
  return `${user}@${host.startsWith('/') ? 'local socket' : `${host}:${port}`}/${databases[0]}`
}

/** The parts of a URL, by the names that libpq gives them as parameters of a URL. */
const partNames: Readonly<Record<string, keyof TargetParts>> = {
  host: 'host',
  port: 'port',
  user: 'user',
  password: 'password',
  dbname: 'database',
  sslmode: 'sslMode',
  sslrootcert: 'sslRootCert',
}

function parseUrl(given: string, variable: string): Omit<TargetParts, 'url'> {
  const expected = 'postgresql://user:password@host:5432/database (percent-encode special characters of the password)'
  // URL's own error would quote the text, and with it the password.
  if (!/^postgres(ql)?:\/\//.test(given) || !URL.canParse(given)) throw new Error(`${variable}: expected ${expected}`)
  const { hostname, port, username, password, pathname, searchParams } = new URL(given)
  if (hostname.includes(',') || /^postgres(ql)?:\/\/[^/]*,/.test(given)) {
    throw new Error(`${variable}: several hosts are not supported; name one`)
  }
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const named = Object.entries({ host, port, user: username, password, dbname: pathname.slice(1) })
  const parts: Record<string, string> = {}
  for (const [key, value] of [...named.map(([key, value]) => [key, decode(value, variable)] as const), ...searchParams]) {
    const name = partNames[key.toLowerCase()]
    if (name !== undefined && value !== '') parts[name] = value
  }
  return parts
}

function decode(value: string, variable: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw new Error(`${variable}: a % is not followed by two hexadecimal digits; write %25 for a percent sign`)
  }
}

function readPort(text: string | undefined): number {
  if (text === undefined || text.startsWith('tcp://')) return 5432
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`the port must be 1 to 65535, got ${text.slice(0, 20)}`)
  return port
}

/** libpq's rule: `require` checks the chain when there is something to check it against, the verify modes always do. */
function trusted(mode: SslMode, rootCert: string | undefined, ca: string | undefined): readonly string[] | undefined {
  const own = [...(rootCert === undefined ? [] : [readCertificate(rootCert)]), ...(ca === undefined ? [] : [ca])]
  if (mode === 'verify-ca' || mode === 'verify-full') return rootCert === undefined ? [...rootCertificates, ...own] : own
  return mode === 'require' && own.length > 0 ? own : undefined
}

function readCertificate(file: string): string {
  try {
    const pem = readFileSync(file, 'utf8')
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  } catch (error) {
    throw new Error(`the root certificate cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error })
  }
  throw new Error('the root certificate file holds no certificate; expected PEM')
}
