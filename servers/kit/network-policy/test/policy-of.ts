// The network policy of fetch with the settings of a test: the values of the variables, and what only tests change.
import { openPolicy, type PolicyOptions } from '../policy.ts'

export interface Settings extends PolicyOptions {
  readonly allowPrivate?: readonly string[]
  readonly allowedDomains?: readonly string[]
  readonly deniedDomains?: readonly string[]
  readonly allowedPorts?: readonly number[]
  readonly proxy?: URL | undefined
}

export function policyOf(settings: Settings = {}) {
  const { allowPrivate = [], allowedDomains = [], deniedDomains = [], allowedPorts = [], proxy, ...options } = settings
  const variables = {
    FETCH_ALLOW_PRIVATE: allowPrivate,
    FETCH_ALLOWED_DOMAINS: allowedDomains,
    FETCH_DENIED_DOMAINS: deniedDomains,
    FETCH_ALLOWED_PORTS: allowedPorts.map(String),
    FETCH_PROXY_URL: proxy?.href,
  }
  return openPolicy('FETCH', variables, options)
}
