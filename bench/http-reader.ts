// Reads one HTTP/1.1 response from pieces of latin1 text: a body of known length, in chunks, or up to the end of the connection.
interface Receiver {
  resolve(response: { head: string; body: string }): void
  reject(error: Error): void
  /** Gets the body piece by piece, and its end; `resolve` is then called after the head. */
  readonly stream: { onBody(text: string): void; onEnd(error: Error): void } | undefined
}

export class HttpReader {
  readonly #receiver: Receiver
  #head = ''
  #body = ''
  #rest = ''
  /** Bytes of the body that are still to come; `chunked` and `toEnd` where the head tells no number. */
  #length: number | 'chunked' | 'toEnd' = 0
  #done = false

  constructor(receiver: Receiver) {
    this.#receiver = receiver
  }

  read(text: string): void {
    if (this.#done) return
    if (this.#head !== '') return this.#readBody(text)
    this.#rest += text
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end === -1) return
    this.#head = this.#rest.slice(0, end)
    const body = this.#rest.slice(end + 4)
    this.#rest = ''
    this.#length = lengthOf(this.#head)
    if (this.#receiver.stream !== undefined) this.#receiver.resolve({ head: this.#head, body: '' })
    this.#readBody(body)
  }

  /** Called when the connection ends; without effect after a complete response. */
  end(error: Error): void {
    if (this.#done) return
    if (this.#length === 'toEnd' && this.#head !== '') return this.#finish()
    this.#done = true
    this.#receiver.reject(error)
    this.#receiver.stream?.onEnd(error)
  }

  #readBody(text: string): void {
    if (this.#length === 'chunked') return this.#readChunks(text)
    this.#give(text)
    if (this.#length === 'toEnd') return
    this.#length -= text.length
    if (this.#length === 0) this.#finish()
  }

  #readChunks(text: string): void {
    let rest = this.#rest + text
    for (;;) {
      const line = rest.indexOf('\r\n')
      const size = Number.parseInt(rest.slice(0, Math.max(line, 0)), 16)
      const next = line + 2 + size + 2
      if (line === -1 || rest.length < next) break
      if (size === 0) return this.#finish()
      this.#give(rest.slice(line + 2, next - 2))
      rest = rest.slice(next)
    }
    this.#rest = rest
  }

  #give(text: string): void {
    if (this.#receiver.stream === undefined) this.#body += text
    else this.#receiver.stream.onBody(text)
  }

  #finish(): void {
    this.#done = true
    this.#receiver.resolve({ head: this.#head, body: this.#body })
    this.#receiver.stream?.onEnd(new Error('the stream ended'))
  }
}

function lengthOf(head: string): number | 'chunked' | 'toEnd' {
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (length !== undefined) return Number(length)
  if (/^transfer-encoding: *chunked/im.test(head)) return 'chunked'
  return head.startsWith('HTTP/1.1 204') ? 0 : 'toEnd'
}
