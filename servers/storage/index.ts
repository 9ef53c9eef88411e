// The storage server: lists and reads the objects of an S3-compatible store; it cannot write.
import { defineServer } from '../kit/definition.ts'
import { openStorage } from './backend.ts'
import { config } from './config.ts'
import { getObjectTool } from './tools/minio-get-object.ts'
import { listObjectsTool } from './tools/minio-list-objects.ts'

export const storage = defineServer({
  name: 'storage',
  title: 'Object storage',
  instructions:
    'Lists and reads objects in S3-compatible storage; it cannot write. Start with minio_list_objects without arguments to see the buckets; read large objects in parts.',
  config,
  missing: ({ MINIO_ENDPOINT, AWS_ENDPOINT_URL }) =>
    MINIO_ENDPOINT === undefined && AWS_ENDPOINT_URL === undefined ? 'set MINIO_ENDPOINT' : undefined,
  open: openStorage,
  tools: (backend, environment) => [listObjectsTool(backend, environment), getObjectTool(backend, environment)],
})
