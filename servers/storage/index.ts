// mcp-storage: lists and reads the objects of an S3-compatible store, and nothing else.
import { defineServer } from '../kit/definition.ts'
import { openStorage } from './backend.ts'
import { config } from './config.ts'
import { storageTools } from './tools.ts'

export const storage = defineServer({
  name: 'storage',
  title: 'Object storage',
  instructions:
    'Lists and reads objects in S3-compatible storage; it cannot write. Begin with minio_list_objects and bucket_name "*" to see the buckets, and read large objects in parts.',
  config,
  missing: ({ MINIO_ENDPOINT, AWS_ENDPOINT_URL }) =>
    MINIO_ENDPOINT === undefined && AWS_ENDPOINT_URL === undefined ? 'set MINIO_ENDPOINT' : undefined,
  open: (settings, environment) => openStorage(settings, environment),
  tools: storageTools,
})
