// An HTTP server in the place of a store.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeStore {
  readonly url: string
  /** `GET /bucket?list-type=2…` of every request, in order. */
  readonly requests: string[]
  /** The listener's connections that are open now. */
  open(): number
}

/** Runs `use` while `answer` answers every request. */
export async function withFakeStore<T>(
  answer: (req: IncomingMessage, res: ServerResponse) => void,
  use: (store: FakeStore) => Promise<T>,
): Promise<T> {
  const requests: string[] = []
  let open = 0
  const server = createServer((req, res) => {
    requests.push(`${req.method} ${req.url}`)
    answer(req, res)
  })
  server.on('connection', (socket) => {
    open += 1
    socket.on('close', () => (open -= 1))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await use({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, open: () => open })
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

export function errorXml(code: string, message = '', more = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message>${more}</Error>`
}

/** A page of a listing. */
export function listXml(keys: readonly string[], more = '<IsTruncated>false</IsTruncated>'): string {
  const contents = keys.map(
    (key) =>
      `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;e&quot;</ETag><Size>1</Size></Contents>`,
  )
  return `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${more}${contents.join('')}</ListBucketResult>`
}

export function bucketsXml(names: readonly string[]): string {
  const buckets = names.map(
    (name) => `<Bucket><Name>${name}</Name><CreationDate>2026-01-02T03:04:05.678Z</CreationDate></Bucket>`,
  )
  return `<?xml version="1.0"?><ListAllMyBucketsResult><Buckets>${buckets.join('')}</Buckets></ListAllMyBucketsResult>`
}
