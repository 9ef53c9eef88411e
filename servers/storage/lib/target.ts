// Which bucket and which key or prefix a call means: `s3://bucket/key` and `bucket/key` are accepted in either argument.

/** @returns the `bucket`, and as `rest` the key or prefix; each is empty where no argument names one */
export function readTarget(bucketName: string, rest: string) {
  if (/^s3:\/\//i.test(rest)) return split(rest)
  if (bucketName === '') return split(rest)
  const { bucket, rest: path } = split(bucketName)
  if (path === '' || rest.startsWith(path.endsWith('/') ? path : `${path}/`)) return { bucket, rest }
  if (rest === '' || path === rest || path.endsWith(`/${rest}`)) return { bucket, rest: path }
  return { bucket, rest: `${path.replace(/\/$/, '')}/${rest}` }
}

/** The key without the name of its bucket in front, which people copy from listings; undefined where it does not start with that. */
export function withoutBucket({ bucket, rest }: ReturnType<typeof split>): string | undefined {
  return rest.startsWith(`${bucket}/`) ? rest.slice(bucket.length + 1) : undefined
}

function split(path: string) {
  const [, bucket = '', rest = ''] = /^(?:s3:\/\/)?\/*([^/]*)\/?([\s\S]*)$/i.exec(path) ?? []
  return { bucket, rest }
}
