// A real store, and the buckets and objects that a test puts into it.
import { randomBytes } from 'node:crypto'
import { Client } from 'minio'

export interface Store {
  readonly name: string
  readonly url: string
  readonly region: string
  readonly accessKey: string
  readonly secretKey: string
  readonly client: Client
}

/** What the live tests run on: the same ones on each. */
export const stores = [
  { name: 'MinIO', variable: 'OCTET_TEST_MINIO_URL' },
  { name: 'Ceph RGW', variable: 'OCTET_TEST_CEPH_URL' },
].map(({ name, variable }) => {
  const url = process.env[variable]
  return {
    name,
    skip: url === undefined ? `${name} is not running (${variable})` : undefined,
    open: () => openStore(name, url ?? ''),
  }
})

async function openStore(name: string, url: string): Promise<Store> {
  const { hostname, port, protocol } = new URL(url)
  const accessKey = process.env.OCTET_TEST_S3_ACCESS_KEY ?? 'minioadmin'
  const secretKey = process.env.OCTET_TEST_S3_SECRET_KEY ?? 'minioadmin'
  const options = { endPoint: hostname, port: Number(port), useSSL: protocol === 'https:', accessKey, secretKey }
  const region = await regionOf(options)
  return { name, url, region, accessKey, secretKey, client: new Client({ ...options, region }) }
}

/** A store that checks the region says it when a request about a bucket is signed for another. */
async function regionOf(options: ConstructorParameters<typeof Client>[0]): Promise<string> {
  const region = 'us-east-1'
  try {
    await new Client({ ...options, region }).listObjectsV2Query('no-such-bucket', '', '', '', 1, '')
    return region
  } catch (error) {
    return /expecting (?:'|&#39;)([\w-]+)/.exec((error as Error).message)?.[1] ?? region
  }
}

/** Runs `use` with a bucket of its own, and removes it where it can. */
export async function withBucket<T>(store: Store, use: (bucket: string) => Promise<T>): Promise<T> {
  const { bucket, drop } = await makeBucket(store)
  try {
    return await use(bucket)
  } finally {
    await drop()
  }
}

export async function makeBucket(store: Store): Promise<{ bucket: string; drop: () => Promise<void> }> {
  const bucket = `octet-${randomBytes(6).toString('hex')}`
  await store.client.makeBucket(bucket, store.region)
  return {
    bucket,
    async drop() {
      try {
        await empty(store.client, bucket)
        await store.client.removeBucket(bucket)
      } catch {
        // The library cannot name every odd key in its lists; the store is thrown away anyway.
      }
    },
  }
}

/** `contents` by key, eight at a time. */
export async function put(client: Client, bucket: string, contents: Record<string, string | Buffer>): Promise<void> {
  const waiting = Object.entries(contents)
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await client.putObject(bucket, next[0], next[1])
    }),
  )
}

/** Anybody may do this with the objects of the bucket, or with the bucket itself. */
export function publicPolicy(bucket: string, ...actions: string[]): string {
  const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`]
  const Statement = actions.map((Action) => ({
    Effect: 'Allow',
    Principal: { AWS: ['*'] },
    Action: [Action],
    Resource: [Resource[Action === 's3:ListBucket' ? 0 : 1]],
  }))
  return JSON.stringify({ Version: '2012-10-17', Statement })
}

async function empty(client: Client, bucket: string): Promise<void> {
  const found: { name: string; versionId?: string }[] = []
  for await (const item of client.listObjects(bucket, '', true, { IncludeVersion: true })) {
    // The library turns names that look like numbers into numbers.
    const { name, versionId } = item as { name: unknown; versionId?: string }
    found.push({ name: String(name), ...(versionId === undefined || versionId === 'null' ? {} : { versionId }) })
  }
  for (let at = 0; at < found.length; at += 500) await client.removeObjects(bucket, found.slice(at, at + 500))
}
