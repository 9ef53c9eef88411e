// Listings and parts of objects that are not what was asked for, and what is sent to the store.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { type Answer, closed, endless, reply, withFault } from './answers.ts'
import { bucketsXml, errorXml, listXml } from './fake-store.ts'

test('takes no more than 4 MiB of a listing', async () => {
  await withFault(endless('<ListBucketResult><Owner><ID>k</ID></Owner>', 200), async (wire, store) => {
    assert.match((await wire.list({ bucket: 'media' })).text, /^ERROR TOO_LARGE: the store's listing is longer than 4\.0 MiB/)
    await closed(store)
  })
  await withFault(endless('<ListBucketResult><Contents><Key>k</Key></Contents>', 200), async (wire, store) => {
    assert.match((await wire.list({ bucket: 'media' })).text, /^ERROR TOO_LARGE: /)
    await closed(store)
  })
})

test('tells a listing that broke off from one that is no listing', async () => {
  const half = listXml(['a', 'b', 'c']).slice(0, -120)
  await withFault(reply(200, half), async (wire) => {
    assert.match(
      (await wire.list({ bucket: 'media' })).text,
      /^ERROR UPSTREAM_ERROR: the store ended in the middle of its listing/,
    )
  })
  await withFault(
    (_req, res) => void res.writeHead(200, { 'content-length': '9999' }).write(half, () => res.destroy()),
    async (wire) => {
      assert.match(
        (await wire.list({ bucket: 'media' })).text,
        /^ERROR UPSTREAM_ERROR: the store closed the connection in the middle/,
      )
    },
  )
  for (const other of [
    '{"json":true}',
    '',
    '<?xml version="1.0"?><Other><Key>x</Key></Other>',
    '<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult/>',
  ]) {
    await withFault(reply(200, other), async (wire) => {
      assert.match(
        (await wire.list({ bucket: 'media' })).text,
        /^ERROR UPSTREAM_ERROR: the endpoint answers with something other/,
        other,
      )
    })
  }
})

test('passes over an empty page that says there is more', async () => {
  const pages = [
    listXml([], '<IsTruncated>true</IsTruncated><NextContinuationToken>t1</NextContinuationToken>'),
    listXml([], '<IsTruncated>true</IsTruncated><NextContinuationToken>t2</NextContinuationToken>'),
    listXml(['a']),
  ]
  await withFault(
    (_req, res) => void res.end(pages.shift()),
    async (wire, store) => {
      const list = await wire.list({ bucket: 'media' })
      assert.match(list.text, /^media: 1 object \(1 B\)\n/)
      assert.equal(list.structured.meta.truncated, false)
      assert.match(store.requests.at(-1) ?? '', /continuation-token=t2/)
    },
  )
})

test('ends where an empty page says that there is more but not where', async () => {
  for (const token of [
    '',
    '<NextContinuationToken></NextContinuationToken>',
    '<NextContinuationToken>same</NextContinuationToken>',
  ]) {
    await withFault(reply(200, listXml([], `<IsTruncated>true</IsTruncated>${token}`)), async (wire, store) => {
      const list = await wire.list({ bucket: 'media' })
      assert.equal(list.next, undefined)
      assert.match(list.text, /NOTE: the store says that there is more but gives no token/)
      assert.ok(store.requests.length <= 2)
    })
  }
})

test('gives the way on when page after page is empty', async () => {
  let n = 0
  await withFault(
    (_req, res) =>
      void res.end(listXml([], `<IsTruncated>true</IsTruncated><NextContinuationToken>t${n++}</NextContinuationToken>`)),
    async (wire, store) => {
      const list = await wire.list({ bucket: 'media' })
      assert.deepEqual(list.next, { bucket_name: 'media', continuation_token: 't4' })
      assert.equal(store.requests.length, 5)
    },
  )
})

test('a page that is cut for its length has room for its token, however long its keys are', async () => {
  for (let length = 600; length <= 1_000; length += 40) {
    const keys = Array.from({ length: 100 }, (_, i) => `${String(i).padStart(4, '0')}${'k'.repeat(length)}`)
    const answer: Answer = (req, res) => {
      const most = Number(new URL(req.url ?? '', 'http://store').searchParams.get('max-keys'))
      const token = Buffer.from(`${keys[most - 1]}[minio_cache:v2,return:]`).toString('base64')
      const more = `<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`
      res.end(most < keys.length ? listXml(keys.slice(0, most), more) : listXml(keys))
    }
    await withFault(answer, async (wire) => {
      const { text, next } = await wire.list({ bucket: 'media' })
      assert.ok(text.length <= 40_000, `${text.length} characters with keys of ${length}`)
      assert.ok(next !== undefined)
    })
  }
})

test('shows the storage class of an object only where it is an unusual one', () => {
  const object = (key: string, storageClass: string) =>
    `<Contents><Key>${key}</Key><Size>2</Size><StorageClass>${storageClass}</StorageClass></Contents>`
  const more = `<IsTruncated>false</IsTruncated>${object('a', 'STANDARD')}${object('b', 'GLACIER')}`
  return withFault(reply(200, listXml([], more)), async (wire) => {
    const { data, structured } = await wire.list({ bucket: 'media' })
    assert.equal(data, 'key\tbytes\tmodified\na\t2\t\nb\t2\t\tclass GLACIER')
    assert.equal(structured.objects[1].storage_class, 'GLACIER')
  })
})

test('follows the store to the region it names, and remembers it', () =>
  withFault(
    (req, res) => {
      const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(req.headers.authorization ?? '')?.[1]
      if (region === 'garage') res.end(listXml(['a']))
      else res.writeHead(400).end(errorXml('AuthorizationHeaderMalformed', `the region '${region}' is wrong; expecting 'garage'`))
    },
    async (wire, store) => {
      assert.equal((await wire.list({ bucket: 'media' })).isError, false)
      assert.equal((await wire.list({ bucket: 'media' })).isError, false)
      assert.equal(store.requests.length, 3)
    },
  ))

test('says which region the store wants where another is configured', () =>
  withFault(
    reply(400, errorXml('AuthorizationHeaderMalformed', '', '<Region>eu-west-7</Region>')),
    async (wire) => {
      const { text } = await wire.list({ bucket: 'media' })
      assert.match(
        text,
        /^ERROR UPSTREAM_AUTH: the store wants region "eu-west-7", not "mars-1" .* TRY: ask the operator to set MINIO_REGION/,
      )
    },
    { config: { MINIO_REGION: 'mars-1' } },
  ))

test('signs for no region that is not a name', () =>
  withFault(reply(301, errorXml('PermanentRedirect', '', '<Region>x"y</Region>')), async (wire, store) => {
    assert.match(
      (await wire.list({ bucket: 'media' })).text,
      /^ERROR UPSTREAM_AUTH: the store wants another region, not "us-east-1"/,
    )
    assert.equal(store.requests.length, 1)
  }))

test('cuts a page of a store that ignores max-keys, and continues exactly there', async () => {
  const keys = Array.from({ length: 5_000 }, (_, i) => `k${String(i).padStart(5, '0')}`)
  const prefixes = Array.from({ length: 4_500 }, (_, i) => `k${String(i * 3).padStart(5, '0')}a/`)
  const xml = (after: string, delimiter: boolean) =>
    listXml(
      keys.filter((key) => key > after),
      prefixes
        .filter((prefix) => delimiter && prefix > after)
        .map((prefix) => `<CommonPrefixes><Prefix>${prefix}</Prefix></CommonPrefixes>`)
        .join(''),
    )
  for (const recursive of [true, false]) {
    await withFault(
      (req, res) => {
        const query = new URL(req.url ?? '', 'http://store').searchParams
        res.end(xml(query.get('start-after') ?? '', query.has('delimiter')))
      },
      async (wire) => {
        const seen: string[] = []
        let next: Record<string, unknown> | undefined = { bucket_name: 'media', max_keys: 1_000, recursive }
        while (next !== undefined) {
          const page: Awaited<ReturnType<typeof wire.list>> = await wire.list(next)
          seen.push(...page.structured.objects.map(({ key }: { key: string }) => key), ...page.structured.common_prefixes)
          assert.equal(page.structured.meta.truncated, page.next !== undefined)
          next = page.next
        }
        assert.deepEqual(seen.sort(), [...keys, ...(recursive ? [] : prefixes)].sort())
      },
    )
  }
})

/** A store with one object in one bucket. */
const only =
  (bucket: string, key: string): Answer =>
  (req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '', 'http://store')
    const name = decodeURIComponent(pathname)
    if (name === '/') res.end(bucketsXml([bucket]))
    else if (!name.startsWith(`/${bucket}`)) res.writeHead(404).end(errorXml('NoSuchBucket'))
    else if (searchParams.has('list-type')) res.end(listXml(key.startsWith(searchParams.get('prefix') ?? '') ? [key] : []))
    else if (name === `/${bucket}/${key}`) res.writeHead(200, { etag: '"e"', 'content-length': '5' }).end('hello')
    else res.writeHead(404).end(errorXml('NoSuchKey'))
  }

test('lists the buckets when no argument is given, also those that newer rules forbid', () =>
  withFault(only('Old_Bucket', 'a.txt'), async (wire) => {
    assert.match((await wire.list({})).data, /^bucket_name\tcreated\nOld_Bucket\t/)
    assert.match((await wire.list({ bucket_name: '*' })).data, /^bucket_name\tcreated\nOld_Bucket\t/)
    assert.match((await wire.list({ bucket: 'Old_Bucket' })).data, /^a\.txt\t1\t/m)
    assert.equal((await wire.get({ bucket: 'Old_Bucket', key: 'a.txt' })).data, 'hello')
    assert.match(
      (await wire.list({ bucket: 'old_bucket', prefix: 'a' })).text,
      /^ERROR NOT_FOUND: bucket "old_bucket" does not exist\..* TRY: {"bucket_name":"Old_Bucket","prefix":"a"}$/,
    )
  }))

test('understands s3:// addresses and bucket/key in either argument', () =>
  withFault(only('media', 'logs/a.txt'), async (wire) => {
    for (const args of [
      { object_key: 's3://media/logs/a.txt' },
      { object_key: 'media/logs/a.txt' },
      { bucket_name: 's3://media/logs/a.txt' },
      { bucket_name: 'media/logs/a.txt' },
      { bucket_name: 'media/logs', object_key: 'a.txt' },
      { bucket_name: 'S3://media/', object_key: 'logs/a.txt' },
      { bucket_name: 'media/logs/a.txt', object_key: 'logs/a.txt' },
      { bucket_name: 'media/logs/', object_key: 'logs/a.txt' },
      { bucket_name: 'media', object_key: 's3://media/logs/a.txt' },
      { bucket_name: 'media', object_key: 'media/logs/a.txt' },
    ]) {
      const { text, data } = await wire.get(args)
      assert.equal(data, 'hello', `${JSON.stringify(args)}: ${text}`)
      assert.match(text, /^media\/logs\/a\.txt: /)
    }
    for (const args of [
      { prefix: 's3://media/logs/' },
      { prefix: 'media/logs/' },
      { bucket_name: 's3://media/logs/' },
      { bucket_name: 'media/logs' },
      { bucket_name: 'media', prefix: 'media/logs/' },
    ]) {
      const { text } = await wire.list(args)
      assert.match(text, /^media\/logs\/?: 1 object/, JSON.stringify(args))
    }
    for (const [args, expected] of [
      [
        { object_key: 'logs/a.txt' },
        /^ERROR NOT_FOUND: bucket "logs" .* TRY: {"object_key":"logs\/a\.txt","bucket_name":"media"}$/,
      ],
      [
        { object_key: 'a.txt' },
        /^ERROR INVALID_ARGUMENT: bucket is not named.* TRY: {"object_key":"a\.txt","bucket_name":"media"}$/,
      ],
      [
        { bucket_name: 'media' },
        /^ERROR INVALID_ARGUMENT: "object_key" is missing\. TRY: minio_list_objects {"bucket_name":"media"}$/,
      ],
      [{}, /^ERROR INVALID_ARGUMENT: bucket is not named: set bucket_name\. Buckets .*media/],
    ] as const) {
      assert.match((await wire.get(args)).text, expected)
    }
    assert.match((await wire.list({ bucket_name: 's3://medai/logs' })).text, /TRY: {"bucket_name":"media","prefix":"logs"}$/)
    const wrong = await wire.get({ bucket: 'media', key: 'media/logs/b.txt' })
    assert.match(wrong.text, /^ERROR NOT_FOUND: object "media\/logs\/b\.txt" is not in bucket "media"/)
  }))

test('shows no invisible character outside of the tags', async () => {
  const key = `logs/\u202egpj.exe\u{e0041}\u00ad\u2066x`
  const hidden = /[\u00ad\u202e\u2066\u{e0041}]/u
  await withFault(only('media', `${key}2`), async (wire) => {
    const missing = await wire.get({ bucket: 'media', key })
    assert.match(missing.text, /^ERROR NOT_FOUND: object "logs\/\\u202egpj\.exe\\udb40\\udc41/)
    assert.equal(JSON.parse(/TRY: ({.*})$/.exec(missing.text)?.[1] ?? '{}').object_key, `${key}2`)
    const unknown = await wire.get({ bucket: 'other', key })
    const shown = await wire.get({ bucket: 'media', key: `${key}2` })
    assert.equal(shown.data, 'hello')
    for (const { text } of [missing, unknown, shown]) assert.doesNotMatch(text, hidden)
  })
  await withFault(
    reply(200, listXml(['a'], `<IsTruncated>true</IsTruncated><NextContinuationToken>${key}</NextContinuationToken>`)),
    async (wire) => {
      const page = await wire.list({ bucket: 'media' })
      assert.equal(page.next?.continuation_token, key)
      assert.doesNotMatch(page.text, hidden)
    },
  )
})

// As Google documents them for decompressive transcoding: an object with Content-Encoding: gzip, requested without Accept-Encoding: gzip.
const googleHeaders = {
  'x-goog-stored-content-encoding': 'gzip',
  'x-goog-stored-content-length': '120',
  warning: '214 UploadServer gunzipped',
  etag: '"a1b2"',
  'content-type': 'text/plain',
}

test('reads an object that Google decompresses and sends without a length', async () => {
  for (const [body, expected] of [
    ['short\n', /: bytes 0-5 of 6, 6 B/],
    [
      'line of text\n'.repeat(100_000),
      /: bytes 0-\d+ of more, to the end of a line\n[\s\S]*NOTE: the store decompresses this object/,
    ],
  ] as const) {
    await withFault(
      (req, res) => {
        assert.equal(req.headers['accept-encoding'], 'identity')
        assert.doesNotMatch(req.headers.authorization ?? '', /SignedHeaders=[^,]*accept-encoding/)
        res.writeHead(200, googleHeaders).write(body, () => res.end())
      },
      async (wire) => {
        const get = await wire.get({ bucket: 'media', key: 'a.txt' })
        assert.match(get.text, expected)
        assert.equal(get.next, undefined)
        assert.equal(body.startsWith(get.structured.text), true)
        assert.equal(get.structured.meta.truncated, body.length > 32_768)
      },
    )
  }
})

test('refuses keys and buckets that could reach another place, and sends nothing', () =>
  withFault(reply(200, listXml([])), async (wire, store) => {
    for (const key of ['../other/secret', 'a/../../other/x', 'a/..', 'nul\0', 'half \ud800', 'k'.repeat(1_025)]) {
      assert.match((await wire.get({ bucket: 'media', key })).text, /^ERROR INVALID_ARGUMENT: "object_key"/)
      assert.match((await wire.list({ bucket: 'media', prefix: key })).text, /^ERROR INVALID_ARGUMENT: "prefix"/)
    }
    assert.deepEqual(store.requests, [])
    for (const bucket of ['..', '.', 's3://../x', 'a\\b', 'a\nb', 'x'.repeat(256)]) {
      assert.match((await wire.get({ bucket, key: 'a' })).text, /^ERROR INVALID_ARGUMENT: bucket ".*" is not a valid name/)
    }
    assert.deepEqual(new Set(store.requests), new Set(['GET /']))
    for (const bucket of ['Media', 'media?acl', 'a%2fb', 'a..b', 'ten:ant', 'x y', "a!*'()"]) {
      await wire.get({ bucket, key: 'a' })
      assert.equal((store.requests as string[]).includes(`GET /${escapeAll(bucket)}/a`), true, bucket)
    }
  }))

test('signs and sends each character of a key as it is', () =>
  withFault(reply(404, errorXml('NoSuchKey')), async (wire, store) => {
    await wire.get({ bucket: 'media', key: "a b/%2e%2e/?x=1&y#z+'(*)!é" })
    assert.equal(store.requests[0], 'GET /media/a%20b/%252e%252e/%3Fx%3D1%26y%23z%2B%27%28%2A%29%21%C3%A9')
  }))

test('reads the beginning where the store knows no ranges, and says so further on', () => {
  const body = 'x'.repeat(5_000_000)
  return withFault(reply(200, body, { etag: '"e"', 'content-length': String(body.length) }), async (wire) => {
    const get = await wire.get({ bucket: 'media', key: 'a.txt' })
    assert.equal(get.structured.text.length, 32_768)
    assert.deepEqual(get.next, { bucket_name: 'media', object_key: 'a.txt', mode: 'text', offset: 32_768 })
    assert.match(
      (await wire.get(get.next as object as Record<string, unknown>)).text,
      /^ERROR UPSTREAM_ERROR: the store sends this object only from its beginning/,
    )
  })
})

test('notices another part than was asked for, and a short one', async () => {
  const part = (range: string, body: string): Answer => reply(206, body, { etag: '"e"', 'content-range': range })
  await withFault(part('bytes 5-9/10', 'abcde'), async (wire) => {
    assert.match((await wire.get({ bucket: 'media', key: 'a' })).text, /^ERROR UPSTREAM_ERROR: the store sent another part/)
  })
  await withFault(part('bytes 0-99/100', 'abcde'), async (wire) => {
    assert.match((await wire.get({ bucket: 'media', key: 'a' })).text, /^ERROR UPSTREAM_ERROR: the store sent 5 of 100 bytes/)
  })
})

test('notices a picture that changes between its parts', () => {
  const head = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(32_760)])
  return withFault(
    (req, res) => {
      if (req.headers['if-match'] === '"one"') res.writeHead(412).end(errorXml('PreconditionFailed'))
      else res.writeHead(206, { etag: '"one"', 'content-range': 'bytes 0-32767/60000' }).end(head)
    },
    async (wire) => {
      assert.match(
        (await wire.get({ bucket: 'media', key: 'a.png' })).text,
        /^ERROR UPSTREAM_ERROR: the object changed while it was read/,
      )
    },
  )
})

test('shows the metadata of an archived object', () =>
  withFault(
    (req, res) => {
      if (req.method === 'GET') res.writeHead(403).end(errorXml('InvalidObjectState'))
      else
        res
          .writeHead(200, { etag: '"e"', 'content-length': '7', 'x-amz-storage-class': 'GLACIER', 'x-amz-meta-who': 'ada' })
          .end()
    },
    async (wire) => {
      assert.match(
        (await wire.get({ bucket: 'media', key: 'a' })).text,
        /^ERROR UPSTREAM_ERROR: object "a" is archived .*"mode":"metadata"}$/,
      )
      const get = await wire.get({ bucket: 'media', key: 'a', mode: 'metadata' })
      assert.match(get.text, /archived, 7 B, class GLACIER/)
      assert.match(get.data, /who\tada/)
    },
  ))

test('explains a missing object the same way whatever its key is called', () =>
  withFault(
    (req, res) => void res.writeHead(404).end(req.url?.includes('list-type') ? listXml([]) : errorXml('NoSuchKey')),
    async (wire) => {
      const missing = async (key: string) => (await wire.get({ bucket: 'media', key, mode: 'metadata' })).text
      const plain = await missing('reports/x.txt')
      assert.match(plain, /^ERROR NOT_FOUND: object "reports\/x\.txt" is not in bucket/)
      for (const folder of ['archived', 'is archived and', 'InvalidObjectState', 'NoSuchBucket']) {
        assert.equal((await missing(`${folder}/x.txt`)).replaceAll(folder, 'reports'), plain)
      }
    },
  ))

test('sends GET and HEAD and no other method', () =>
  withFault(
    (req, res) => void res.writeHead(req.method === 'HEAD' ? 200 : 416, { etag: '"e"', 'content-length': '0' }).end(),
    async (wire, store) => {
      await wire.list({ bucket: '*' })
      await wire.list({ bucket: 'media' })
      for (const mode of ['auto', 'text', 'base64', 'metadata']) await wire.get({ bucket: 'media', key: 'a', mode })
      assert.deepEqual(
        [...new Set(store.requests.map((line) => line.split(' ')[0]))].filter((m) => m !== 'GET' && m !== 'HEAD'),
        [],
      )
      await assert.rejects(
        wire.backend.send({ method: 'PUT' as 'GET', bucket: 'media', key: 'a' }, AbortSignal.timeout(1_000), async () => {}),
        /PUT is not sent by this server/,
      )
      assert.equal(
        store.requests.some((line) => line.startsWith('PUT')),
        false,
      )
    },
  ))

/** Every character but those that RFC 3986 leaves unreserved. */
function escapeAll(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      /[\w.~-]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')
}
