// Registers a test once for every real store.
import { test } from '../../../test/runner/harness.ts'
import { type Setup, type Wire, withStorage } from './client.ts'
import { type Store, stores, withBucket } from './store.ts'

/** Registers a test with a bucket of its own on each store. */
export function live(
  title: string,
  body: (store: Store, bucket: string, wire: Wire) => Promise<void>,
  setup: Partial<Setup> = {},
): void {
  for (const { name, skip, open } of stores) {
    test.unless(skip)(
      `${name}: ${title}`,
      async () => {
        const store = await open()
        await withBucket(store, (bucket) =>
          withStorage({ ...setup, endpoint: store.url, config: { ...keysOf(store), ...setup.config } }, (wire) =>
            body(store, bucket, wire),
          ),
        )
      },
      { timeoutMs: 120_000 },
    )
  }
}

export function keysOf({ accessKey, secretKey }: Store) {
  return { MINIO_ACCESS_KEY: accessKey, MINIO_SECRET_KEY: secretKey }
}
