// No tracked file holds a password, key or token that looks real: what is one in a test or an example says so by its looks.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from './runner/harness.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Forms that issuers give their credentials. */
const forms: Record<string, RegExp> = {
  'private key': /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*[A-Za-z0-9+/=\s]{64}/,
  'AWS access key': /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  'GitHub token': /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})/,
  'Slack token': /\bxox[abprs]-[0-9A-Za-z-]{20,}/,
  'Google key': /\bAIza[0-9A-Za-z_-]{35}\b/,
  'OpenAI or LiteLLM key': /\bsk-[A-Za-z0-9_-]{20,}/,
  'npm token': /\bnpm_[A-Za-z0-9]{36}\b/,
  'JSON Web Token': /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}/,
  'assigned secret':
    /(?:password|passwd|secret|(?<!continuation_)token|api_?key)["']?\s*[:=]\s*["']?(?=[A-Za-z0-9+/_-]*[0-9])(?=[A-Za-z0-9+/_-]*[A-Z])(?=[A-Za-z0-9+/_-]*[a-z])[A-Za-z0-9+/_-]{24,}/i,
}

function tracked(): string[] {
  return execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '')
}

/** What looks like a credential in a text, shortened. */
function credentialsIn(text: string): string[] {
  return Object.entries(forms).flatMap(([name, form]) => {
    const [found] = form.exec(text) ?? []
    return found === undefined ? [] : [`${name}: ${found.slice(0, 24)}…`]
  })
}

test('no tracked file holds what looks like a real credential', () => {
  const files = tracked()
  assert.ok(files.length > 100, `${files.length} tracked files`)
  const guilty = files.flatMap((path) => credentialsIn(readFileSync(join(root, path), 'utf8')).map((what) => `${path}: ${what}`))
  assert.deepEqual(guilty, [])
})

test('each form is recognised', () => {
  const body = 'aB3'.repeat(14)
  const examples: Record<string, string> = {
    'private key': `-----BEGIN ${'PRIVATE'} KEY-----\n${body}${body}`,
    'AWS access key': `AKIA${'ABCDEFGH12345678'}`,
    'GitHub token': `ghp_${body.slice(0, 36)}`,
    'Slack token': `xoxb-${body.slice(0, 24)}`,
    'Google key': `AIza${body.slice(0, 35)}`,
    'OpenAI or LiteLLM key': `sk-${body}`,
    'npm token': `npm_${body.slice(0, 36)}`,
    'JSON Web Token': `eyJ${body}.eyJ${body}.${body}`,
    'assigned secret': `password: ${body}`,
  }
  assert.deepEqual(Object.keys(examples), Object.keys(forms))
  for (const [name, text] of Object.entries(examples)) assert.match(credentialsIn(text).join('\n'), new RegExp(`^${name}: `, 'm'))
})
