// The interfaces that the files of this server share.
export type * from './backend.ts'
