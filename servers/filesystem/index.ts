// The filesystem server: two tools that read files and list folders below the roots.
import { defineServer } from '../kit/definition.ts'
import { openFilesystem } from './backend.ts'
import { config, sampleFolder } from './config.ts'
import { listDirectoryTool } from './tools/list-directory.ts'
import { readFileTool } from './tools/read-file.ts'

export const filesystem = defineServer({
  name: 'filesystem',
  title: 'Files',
  instructions:
    'Reads files and lists folders that the operator has shared; it cannot write. Begin with list_directory to see what there is, and read large files in parts.',
  config,
  missing: ({ FS_ROOTS }) =>
    FS_ROOTS === undefined || FS_ROOTS.length === 0 ? 'set FS_ROOTS, such as FS_ROOTS=/srv/docs' : undefined,
  open: (settings) => openFilesystem(settings),
  tools: (backend, environment) => [readFileTool(backend, environment), listDirectoryTool(backend, environment)],
  demo() {
    const folder = sampleFolder()
    return folder === undefined ? undefined : { FS_ROOTS: `sample=${folder}` }
  },
})
