// Types that several files of this server share: log entries and series of Loki.

export type Labels = Readonly<Record<string, string>>

export interface Entry {
  /** Nanoseconds since 1970. */
  readonly at: bigint
  readonly line: string
  /** `key`: equal for equal labels. */
  readonly stream: { readonly labels: Labels; readonly key: string }
  /** Structured metadata of this line, such as a trace id. */
  readonly metadata: Labels | undefined
  /** Labels that the query itself made, such as those of `| json`. */
  readonly parsed: Labels | undefined
}

export interface Series {
  readonly labels: Labels
  /** Unix seconds and value as Loki writes it, oldest first: copies of them all would cost more than the answer itself. */
  readonly points: readonly (readonly [number, string])[]
}

/** Nanoseconds since 1970. */
export interface Range {
  readonly start: bigint
  /** Exclusive. */
  readonly end: bigint
}

export interface LogQuery extends Range {
  readonly query: string
  readonly limit: number
  readonly direction: 'backward' | 'forward'
  /** Structured metadata is mixed into the streams' labels. */
  readonly mixed?: boolean
}
