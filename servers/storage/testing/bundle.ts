// For tests: the one file that a container runs, with its validators compiled ahead.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle, schemasOf } from '../../../scripts/bundle.ts'
import { storage } from '../index.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

export async function bundleStorage(outfile: string): Promise<void> {
  const contents = `
    import { storage } from '${join(root, 'servers/storage/index.ts')}'
    import { serve } from '${join(root, 'servers/runtime/serve.ts')}'
    void serve([storage], { env: process.env })`
  await bundle(outfile, contents, schemasOf(storage))
}
