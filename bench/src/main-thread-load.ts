import { isMainThread } from 'node:worker_threads'

// Loaded into a program under test: keeps its main thread busy for 60 % of the
// time, 30 ms at a stretch, as a burst of other work would. Other threads load it
// too, and are left alone.

const PERIOD_MS = 50
const BUSY_MS = 30

if (isMainThread) setInterval(burn, PERIOD_MS).unref()

function burn(): void {
  const end = performance.now() + BUSY_MS
  while (performance.now() < end);
}
