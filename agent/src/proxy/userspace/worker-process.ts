/** A program: the process that carries the traffic. Started by `WorkerEngine`. */
import { closeSync } from 'node:fs'
import type { RouteUpdate } from './engine.ts'
import type { HeldListener, InheritedListener } from './held-listener.ts'
import { LocalEngine } from './local-engine.ts'
import { FIRST_INHERITED_FD, type FromWorker, type ToWorker } from './worker-messages.ts'

/** How long connections may go on when the process that started this one is gone, in milliseconds. */
const ORPHAN_DRAIN_MS = 3_600_000

const engine = new LocalEngine()
const inherited = new Map<string, InheritedListener>()
const sent = new Map<string, HeldListener>()
let awaited = 0
let update: RouteUpdate | undefined

process.title = 'roster-proxy'
// A terminal sends them to all its processes; who started this one decides when it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
process.on('message', (message: ToWorker, handle: unknown) => void receive(message, handle))
process.on('disconnect', () => void drain(ORPHAN_DRAIN_MS))
say({ type: 'ready' })

async function receive(message: ToWorker, handle: unknown): Promise<void> {
  if (message.type === 'drain') return drain(message.drainMs)
  if (message.type === 'inherited') {
    for (const [n, key] of message.keys.entries()) {
      inherited.set(key, { inheritedFd: FIRST_INHERITED_FD + n })
    }
    return
  }
  if (message.type === 'apply') {
    update = message.update
    awaited = message.listeners
  } else {
    awaited--
    sent.set(message.key, handle as HeldListener)
  }
  if (awaited > 0 || !update) return
  const due = update
  update = undefined
  await apply(due)
}

async function apply(due: RouteUpdate): Promise<void> {
  const listeners = new Map<string, HeldListener | InheritedListener>([...inherited, ...sent])
  const failures = await engine.apply(due, listeners)
  for (const key of failures.keys()) sent.get(key)?.close()
  // Kept open, an address nobody wants any more would take callers and not answer.
  const wanted = new Set(due.changed.map(({ key }) => key))
  for (const [key, { inheritedFd }] of inherited) {
    if (!wanted.has(key) || sent.has(key)) closeSync(inheritedFd)
  }
  inherited.clear()
  sent.clear()
  say({ type: 'applied', failures: [...failures] })
}

async function drain(drainMs: number): Promise<void> {
  engine.stopListening()
  say({ type: 'draining' })
  await engine.drained(drainMs)
  process.exit(0)
}

function say(message: FromWorker): void {
  // The other side may be gone, which is no reason to stop carrying what is open.
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}
