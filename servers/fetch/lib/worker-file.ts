// How the worker is started from TypeScript. The build replaces this file: in a bundle it is the file beside it (scripts/bundle.ts).

export interface WorkerEntry {
  /** Path of a file, or code when `eval` is true. */
  readonly entry: string
  readonly eval: boolean
}

// Node 20 gives workers no loader by --import; tsx's own function registers one.
const file = new URL('./worker.ts', import.meta.url).href
export const workerEntry: WorkerEntry = {
  entry: `import('tsx/esm/api').then(({ tsImport }) => tsImport(${JSON.stringify(file)}, ${JSON.stringify(file)}))`,
  eval: true,
}
