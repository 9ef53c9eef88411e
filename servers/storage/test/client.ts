// The tools of this server behind a real socket.
import { type Answer, environmentOf, type ToolClient, withToolClient, withTools } from '../../../test/helpers/tool-client.ts'
import type { Environment } from '../../kit/definition.ts'
import { openStorage } from '../backend.ts'
import type { Limits, StorageConfig } from '../config.ts'
import { storage } from '../index.ts'
import type { StorageBackend } from '../types.ts'

export interface StorageClient extends ToolClient {
  list(args?: Record<string, unknown>): Promise<Answer>
  get(args?: Record<string, unknown>): Promise<Answer>
}

export interface Wire extends StorageClient {
  readonly backend: StorageBackend
}

export interface Setup {
  endpoint: string
  config?: Partial<StorageConfig>
  limits?: Partial<Limits>
  environment?: Partial<Environment>
  structured?: 'never' | 'auto'
}

export function configOf(endpoint: string, config: Partial<StorageConfig> = {}): StorageConfig {
  return {
    MINIO_ENDPOINT: endpoint,
    MINIO_ACCESS_KEY: 'test-key',
    MINIO_SECRET_KEY: 'test-secret',
    MINIO_PATH_STYLE: true,
    MINIO_ALLOWED_BUCKETS: [],
    MINIO_DENY_KEYS: [],
    ...config,
  }
}

/** Runs `use` against the tools on a free port. */
export async function withStorage<T>(setup: Setup, use: (wire: Wire) => Promise<T>): Promise<T> {
  const environment = environmentOf(setup.environment)
  const backend = openStorage(configOf(setup.endpoint, setup.config), environment, setup.limits)
  const tools = storage.tools(backend, environment)
  try {
    return await withTools({ name: 'storage', tools, structuredContent: setup.structured ?? 'auto' }, (client) =>
      use({ ...storageClient(client), backend }),
    )
  } finally {
    await backend.close()
  }
}

/** Runs `use` with a session on a server that is there already. */
export function withSession<T>(url: string, use: (client: StorageClient) => Promise<T>): Promise<T> {
  return withToolClient(url, (client) => use(storageClient(client)))
}

function storageClient(client: ToolClient): StorageClient {
  return {
    ...client,
    list: (args) => client.call('minio_list_objects', args),
    get: (args) => client.call('minio_get_object', args),
  }
}
