// The browser of `npm ci && npm start`: the Chromium of the npm package @sparticuz/chromium (a development dependency), which is unpacked, with
// its libraries and fonts, into a folder of this process.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const unpackTimeoutMs = 60_000

let unpacked: Promise<string> | undefined

/** The package beside the program that runs, not beside this file: a bundle does not know where its sources were. Undefined without it. */
export function npmBrowser() {
  try {
    const path = createRequire(realpathSync(process.argv[1] ?? process.cwd())).resolve('@sparticuz/chromium')
    const manifest = join(dirname(path), '..', '..', 'package.json')
    const version: string = JSON.parse(readFileSync(manifest, 'utf8')).version
    return { kind: 'npm package' as const, path, version, unpack: () => unpackOnce(path) }
  } catch {
    return undefined // not installed
  }
}

/** Once for this process, whatever it starts afterwards; about 200 MB, removed when the process ends. Returns the executable. */
function unpackOnce(modulePath: string): Promise<string> {
  unpacked ??= unpack(modulePath).catch((error) => {
    unpacked = undefined
    throw error
  })
  return unpacked
}

async function unpack(modulePath: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'octet-chromium-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  // In a process of its own: the package takes its folder and whether to unpack the libraries from the environment, for a machine that
  // has none of them (AWS Lambda), and keeps a hundred megabytes in memory.
  const script = 'const module = require(process.argv[1]); (module.default ?? module).executablePath()'
  await promisify(execFile)(process.execPath, ['-e', script, modulePath], {
    env: { PATH: process.env.PATH ?? '', TMPDIR: folder, HOME: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x' },
    timeout: unpackTimeoutMs,
  })
  // The package's own file names folders of AWS Lambda.
  writeFileSync(
    join(folder, 'fonts.conf'),
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${folder}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>${folder}/fonts-cache</cachedir></fontconfig>`,
  )
  const executable = join(folder, 'start')
  const start = `#!/bin/sh
here=\${0%/*}
FONTCONFIG_FILE="$here/fonts.conf" LD_LIBRARY_PATH="$here/al2023/lib" exec "$here/chromium" "$@"
`
  writeFileSync(executable, start, { mode: 0o755 })
  return executable
}
