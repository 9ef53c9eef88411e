// The first bytes of a body.

/** At least so many bytes from the start, or all there are. @param head what was read before */
export async function readHead(
  body: AsyncGenerator<Buffer, void>,
  bytes: number,
  head: Buffer = Buffer.alloc(0),
): Promise<Buffer> {
  const parts = [head]
  for (let length = head.length; length < bytes; ) {
    const { value } = await body.next()
    if (value === undefined) break
    parts.push(value)
    length += value.length
  }
  return Buffer.concat(parts)
}
