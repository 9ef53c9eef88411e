// The text of program.ts as one script. The build replaces this file: a bundle contains the text itself (scripts/bundle.ts).
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

interface Esbuild {
  build(options: object): Promise<{ outputFiles: { text: string }[] }>
}

/** Declares `octetPage`, an object with the exports of program.ts. */
export async function pageScript(): Promise<string> {
  const esbuild: Esbuild = createRequire(import.meta.url)('esbuild') // a development dependency
  const { outputFiles } = await esbuild.build({
    entryPoints: [fileURLToPath(new URL('./program.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'octetPage',
    target: 'chrome120',
    minify: true,
  })
  return outputFiles[0]?.text ?? ''
}
