// The interfaces that the files of this server share.
export type * from './backend.ts'

/** Content that was read, kept so that its following pages are of the same state. */
export interface Extract {
  readonly of: string
  readonly text: string
  /** The page holds more than is read at all. */
  readonly cut: boolean
}
