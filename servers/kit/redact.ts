// Keeps secrets out of logs, errors and the audit trail: by the name of a member, by the form of a value, and by known values.

const secretName =
  /authorization|token|secret|passw(or)?d|passphrase|api[-_]?key|access[-_]?key|cookie|credential|private[-_]?key/i
const secretForms: [RegExp, string][] = [
  [/\b(bearer|basic) +[A-Za-z0-9._~+/=-]{8,}/gi, '$1 [redacted]'],
  [/(?<![\w-])(?=[\w-]*\beyJ[\w-]{8})[\w-]+\.[\w-]{8,}\.[\w-]*/g, '[redacted]'], // JWT
  [/([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@:]*:[^\s/@]+@/gi, '$1[redacted]@'], // user:password in a URL
  [/\b(password|passwd|pwd|secret|token|api[-_]?key)("?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"']+)/gi, '$1$2[redacted]'],
]
/** What all names and forms have in common; most text has none of it, and one test is cheaper than five. */
const mayHoldSecret = /bearer|basic|eyJ|:\/\/|passw|passphrase|pwd|secret|token|key|authorization|cookie|credential/i
const mask = '[redacted]'
const maxDepth = 8
const maxEntries = 200

export interface Redact {
  (value: unknown): unknown
  /** Whether a value with this JSON text may hold something that is masked; if not, it need not be searched. */
  mayMask(json: string): boolean
  /** Masks these values from now on too. */
  add(secrets: Iterable<string>): void
}

/** @param secrets values that must appear nowhere, whatever member they stand in */
export function createRedact(secrets: Iterable<string> = []): Redact {
  let known: string[] = []
  let escaped: string[] = []
  const add = (more: Iterable<string>): void => {
    // Longest first: one secret may begin with another.
    known = [...new Set([...known, ...more])].filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length)
    escaped = known.map((secret) => JSON.stringify(secret).slice(1, -1))
  }
  add(secrets)

  const text = (value: string): string => {
    let clean = value
    for (const secret of known) if (clean.includes(secret)) clean = clean.replaceAll(secret, mask)
    if (mayHoldSecret.test(clean)) for (const [form, replacement] of secretForms) clean = clean.replace(form, replacement)
    return clean
  }

  const visit = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return text(value)
    if (typeof value === 'bigint') return value.toString()
    if (typeof value !== 'object' || value === null) return value
    if (depth >= maxDepth) return '[nested deeper]'
    if (value instanceof Error) {
      const { name, message, stack, cause } = value
      return visit(cause === undefined ? { name, message, stack } : { name, message, stack, cause }, depth)
    }
    if (Array.isArray(value)) return value.slice(0, maxEntries).map((item) => visit(item, depth + 1))
    return Object.fromEntries(
      Object.entries(value)
        .slice(0, maxEntries)
        .map(([key, item]) => [
          key,
          secretName.test(key) && item !== null && item !== undefined && typeof item !== 'boolean'
            ? mask
            : visit(item, depth + 1),
        ]),
    )
  }
  return Object.assign((value: unknown) => visit(value, 0), {
    mayMask: (json: string) => mayHoldSecret.test(json) || escaped.some((secret) => json.includes(secret)),
    add,
  })
}
