// The three files of the page as text. The build replaces this file: a bundle contains the text itself (scripts/bundle.ts).
import { readFileSync } from 'node:fs'

export function pageSource(): { html: string; css: string; js: string } {
  const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
  return { html: read('page.html'), css: read('page.css'), js: read('page.js') }
}
