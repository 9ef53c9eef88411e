// Where the worker's entry lies. The build replaces this file: in a bundle it is the file beside it (scripts/bundle.ts).
export const workerFile = new URL('./worker.ts', import.meta.url)
