// The tools against a fake store with faulty answers, and such answers.
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Setup, type Wire, withStorage } from './client.ts'
import { type FakeStore, withFakeStore } from './fake-store.ts'

export type Answer = (req: IncomingMessage, res: ServerResponse) => void

export const withFault = <T>(
  answer: Answer,
  use: (wire: Wire, store: FakeStore) => Promise<T>,
  setup: Partial<Setup> = {},
): Promise<T> => withFakeStore(answer, (store) => withStorage({ ...setup, endpoint: store.url }, (wire) => use(wire, store)))

export const reply =
  (status: number, body = '', headers: Record<string, string> = {}): Answer =>
  (_req, res) =>
    void res.writeHead(status, headers).end(body)

/** Waits until the fake store has no connection any more. */
export async function closed(store: FakeStore): Promise<void> {
  const end = performance.now() + 2_000
  while (store.open() > 0) {
    assert.ok(performance.now() < end, `${store.open()} connections stay open`)
    await new Promise(setImmediate)
  }
}

/** `start`, and then the same again and again, for as long as anybody reads. */
export function endless(start: string, status: number): Answer {
  return (_req, res) => {
    res.writeHead(status, { 'content-type': 'application/xml' }).write(start)
    const piece = start.replace(/^<\w+>/, '').repeat(1_000)
    const more = (): void => {
      while (!res.destroyed && res.write(piece));
    }
    res.on('drain', more)
    more()
  }
}
