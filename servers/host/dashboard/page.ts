// Sends the page at `/`: one document with its style and its script inside. It holds no data; its script asks /dashboard.json.
import { hash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { pageSource } from './source.ts'

const { html, css, js } = pageSource()
const policy = [
  "default-src 'none'",
  `style-src '${source(css)}'`,
  `script-src '${source(js)}'`,
  "connect-src 'self'",
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "require-trusted-types-for 'script'; trusted-types 'none'",
]
const page = html.replace('></style>', () => `>${css}</style>`).replace('></script>', () => `>${js}</script>`)
const headers = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': policy.join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
}

/** @param known whether the caller may see the data without a token; otherwise the page asks for one */
export function sendPage(res: ServerResponse, known: boolean): void {
  res.writeHead(200, headers).end(known ? page : page.replace('<body>', '<body data-sign-in>'))
}

function source(text: string): string {
  return `sha256-${hash('sha256', text, 'base64')}`
}
