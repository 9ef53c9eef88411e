// Unpacks the Chromium of the npm package @sparticuz/chromium, with its libraries and fonts, into a folder of this process.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

interface Unpacked {
  readonly executable: string
  /** What the browser needs in its environment. */
  readonly env: Readonly<Record<string, string>>
}

const unpackTimeoutMs = 60_000

let unpacked: Promise<Unpacked> | undefined

/**
 * Once for this process, whatever it starts afterwards; about 200 MB, removed when the process ends.
 * @param modulePath of the package
 */
export function unpackBrowser(modulePath: string): Promise<Unpacked> {
  unpacked ??= unpack(modulePath).catch((error) => {
    unpacked = undefined
    throw error
  })
  return unpacked
}

async function unpack(modulePath: string): Promise<Unpacked> {
  const folder = mkdtempSync(join(tmpdir(), 'octet-chromium-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  // In a process of its own: the package takes its folder and whether to unpack the libraries from the environment, for a machine that
  // has none of them (AWS Lambda), and keeps a hundred megabytes in memory.
  const script = `const module = require(process.argv[1]);
    (module.default ?? module).executablePath().then((path) => process.stdout.write(path))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, modulePath], {
    env: { PATH: process.env.PATH ?? '', TMPDIR: folder, HOME: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x' },
    timeout: unpackTimeoutMs,
  })
  const libraries = join(folder, 'al2023', 'lib')
  const fontsFile = join(folder, 'fonts.conf')
  // The package's own file names folders of AWS Lambda.
  writeFileSync(
    fontsFile,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${folder}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>${folder}/fonts-cache</cachedir></fontconfig>`,
  )
  return {
    executable: stdout.trim(),
    env: {
      ...(existsSync(libraries) ? { LD_LIBRARY_PATH: libraries } : {}),
      FONTCONFIG_FILE: fontsFile,
    },
  }
}
