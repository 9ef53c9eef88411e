// Lets everything else that is due run first: long work is done in slices with this between them.

/** Of work in one turn of the event loop, in milliseconds; measured, because a slice costs what the page makes it cost. */
const turnMs = 8

let began = 0
/** At most one for each page that is being read. */
const waiting: (() => void)[] = []

/** Returns at once while the turn lasts. Whoever waits goes on in a turn of its own, so that several pages do not add up to one long wait. */
export async function pause(): Promise<void> {
  if (performance.now() - began < turnMs) return
  await new Promise<void>((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(next)
  })
}

function next(): void {
  began = performance.now()
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(next)
}
