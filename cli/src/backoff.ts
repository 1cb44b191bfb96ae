import { setTimeout as sleep } from 'node:timers/promises'

const FIRST_MS = 200
const FACTOR = 1.6
const MOST_MS = 5_000

/**
 * Waits before the given retry, counted from 0: anything up to 0.2 s, growing by
 * 1.6 to 5 s, so that those who lost a registry together do not come back
 * together. Returns at once when aborted. Holds the process: a command that
 * waits is not done.
 */
export async function backoff(retry: number, signal: AbortSignal): Promise<void> {
  await pause(Math.random() * Math.min(MOST_MS, FIRST_MS * FACTOR ** retry), signal)
}

/** Waits for a time in ms, or until aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Aborting is the other way to the end of the wait, not an error.
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
