// Addresses and credentials of an upstream, as operators write them into variables. Errors are for the operator and never show a secret.
import { parseUrl } from '../web-address.ts'

/**
 * Reads an http(s) URL that request paths are put behind.
 * @param variable its name, for messages @param value what is set
 * @param example what a correct value looks like @param credentialsIn where credentials belong instead of into the URL
 * @returns the URL without a trailing slash
 * @throws Error for the operator
 */
export function readBaseUrl(variable: string, value: string, example: string, credentialsIn: string): string {
  const text = value.trim()
  const url = parseUrl(text)
  if (url === undefined) throw new Error(`${variable} is not a valid URL; write it as ${example}`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new Error(`${variable} starts with ${url.protocol}, expected http:// or https://; write it as ${example}`)
  }
  if (url.username !== '' || url.password !== '') throw new Error(`${variable} holds credentials; put them into ${credentialsIn}`)
  if (url.search !== '' || url.hash !== '') throw new Error(`${variable} must end before "?" and "#"; write it as ${example}`)
  return url.href.replace(/\/+$/, '')
}

type Credentials = Readonly<Record<'token' | 'user' | 'password', string | undefined>>

/**
 * The Authorization header; none without credentials.
 * @param prefix of the variables' names, such as `LOKI`
 * @throws Error for the operator when two kinds are set, or half of one
 */
export function authorization(prefix: string, { token, user, password }: Credentials): { authorization?: string } {
  if (token !== undefined && (user !== undefined || password !== undefined)) {
    throw new Error(`${prefix}: both a token and a user or password are set; set one of the two`)
  }
  if ((user === undefined) !== (password === undefined)) {
    const [given, lacking] = user === undefined ? ['PASSWORD', 'USERNAME'] : ['USERNAME', 'PASSWORD']
    throw new Error(`${prefix}_${given} is set without ${prefix}_${lacking}; set both or neither`)
  }
  if (token !== undefined) return { authorization: `Bearer ${token}` }
  return user === undefined ? {} : { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}
