// Loaded into a program under test: keeps its main thread busy for 60 % of the
// time, 30 ms at a stretch, as a burst of other work would.

const PERIOD_MS = 50
const BUSY_MS = 30

setInterval(() => {
  const end = performance.now() + BUSY_MS
  while (performance.now() < end);
}, PERIOD_MS).unref()
