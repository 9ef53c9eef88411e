// What the tests of the files for operators share: programs of Debian, and the code blocks of docs/operate.md, which are the examples.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The path of a program, and why tests that need it are skipped. */
export function program(name: string, variable: string): { path: string; skip: string | undefined } {
  const path = process.env[variable] ?? ''
  return { path, skip: path === '' ? `${name} is not installed (${variable})` : undefined }
}

export const shippedPath = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url))
export const shippedText = (file: string): string => readFileSync(shippedPath(file), 'utf8')

/** The first code block of docs/operate.md that contains the text. */
export function example(containing: string): string {
  const blocks = [...shippedText('docs/operate.md').matchAll(/```\w*\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  const found = blocks.find((block) => block.includes(containing))
  if (found === undefined) throw new Error(`docs/operate.md has no example with ${containing}`)
  return found
}
