// Lets everything else that is due run first: long work is done in slices with this between them.
import { setImmediate } from 'node:timers/promises'

export async function pause(): Promise<void> {
  await setImmediate()
}
