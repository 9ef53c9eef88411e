// Whether a request is still wanted. Its AbortSignal is made when somebody first looks at it: making one costs as much as the whole rest
// of a small call, and many handlers need none.

export class Cancellation {
  #reason: Error | undefined
  #controller: AbortController | undefined
  /** Called once, when the request is cancelled. There is one who waits: whoever runs the handler. */
  onCancel: ((reason: Error) => void) | undefined

  /** Why it is not wanted any more; undefined while it is. */
  get reason(): Error | undefined {
    return this.#reason
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** The first reason counts. */
  cancel(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#controller?.abort(reason)
    this.onCancel?.(reason)
  }
}
