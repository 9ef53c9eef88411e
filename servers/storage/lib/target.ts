// Which bucket and which key or prefix a call means: `s3://bucket/key` and `bucket/key` are accepted in either argument.

export interface Target {
  /** Empty when no argument names one. */
  readonly bucket: string
  /** A key or a prefix; empty when there is none. */
  readonly rest: string
}

export function readTarget(bucketName: string, rest: string): Target {
  if (/^s3:\/\//i.test(rest)) return split(rest)
  if (bucketName === '') return split(rest)
  const { bucket, rest: path } = split(bucketName)
  if (path === '' || rest.startsWith(path.endsWith('/') ? path : `${path}/`)) return { bucket, rest }
  if (rest === '' || path === rest || path.endsWith(`/${rest}`)) return { bucket, rest: path }
  return { bucket, rest: `${path.replace(/\/$/, '')}/${rest}` }
}

/** The key without the name of its bucket in front, which people copy from listings; undefined where it does not start with that. */
export function withoutBucket({ bucket, rest }: Target): string | undefined {
  return rest.startsWith(`${bucket}/`) ? rest.slice(bucket.length + 1) : undefined
}

function split(path: string): Target {
  const [, bucket = '', rest = ''] = /^(?:s3:\/\/)?\/*([^/]*)\/?([\s\S]*)$/i.exec(path) ?? []
  return { bucket, rest }
}
