import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { type NftablesProxy, type ServiceChange, startNftablesProxy } from '@roster/agent'
import type { EndpointSet } from '@roster/client'
import { pino } from 'pino'
import { serviceSet } from './service-sets.ts'
import { median } from './statistics.ts'

// A program: measures the nftables proxy with as many services as the argument says, in
// the network namespace it runs in, and prints the figures as JSON.

/** What was measured with so many services. */
export interface RulesFigures {
  /** On nothing, and over what a former agent left. */
  readonly firstFullMs: number
  readonly fullAgainMs: number
  /** Longest time the event loop stood still meanwhile. */
  readonly loopDelayMs: number
  readonly deltaP50Ms: number
  readonly deltaMaxMs: number
}

const ENDPOINTS = 3
const DELTAS = 41
/** Longer than the proxy pauses between updates: each is measured from quiet. */
const QUIET_MS = 30
const NS_PER_MS = 1e6

type Feed = (change: ServiceChange) => void

const services = Array.from({ length: Number(process.argv[2]) }, (_, n) => service(n, 1))
// The proxy's own timers keep no process.
setInterval(() => undefined, 2 ** 30)
process.stdout.write(JSON.stringify(await measure()))
process.exit()

async function measure(): Promise<RulesFigures> {
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  const first = await started()
  const firstFullMs = await timed(first, { changed: services, removed: [] })
  await first.proxy.close()
  const again = await started()
  const fullAgainMs = await timed(again, { changed: services, removed: [] })
  loop.disable()
  const deltas: number[] = []
  for (let n = 0; n < DELTAS; n++) {
    await delay(QUIET_MS)
    const changed = service((n * 97) % services.length, 2 + n)
    deltas.push(await timed(again, { changed: [changed], removed: [] }))
  }
  return {
    firstFullMs,
    fullAgainMs,
    loopDelayMs: loop.max / NS_PER_MS,
    deltaP50Ms: median(deltas),
    deltaMaxMs: Math.max(...deltas),
  }
}

async function started(): Promise<{ readonly proxy: NftablesProxy; readonly feed: Feed }> {
  let feed: Feed = () => {}
  const source = {
    isSynced: true,
    sets: new Map(),
    subscribe: (listener: Feed) => {
      feed = listener
      return () => {}
    },
  }
  const log = pino({ level: 'warn' }, process.stderr)
  const proxy = await startNftablesProxy({ source, node: 'bench', zone: '', log })
  return { proxy, feed }
}

/** From the change until it is in force, in milliseconds. */
async function timed(
  { proxy, feed }: Awaited<ReturnType<typeof started>>,
  change: ServiceChange,
): Promise<number> {
  const start = performance.now()
  feed(change)
  await proxy.settled()
  return performance.now() - start
}

/** Other endpoints in every generation. */
function service(number: number, generation: number): EndpointSet {
  const tail = `${number >> 8}.${number & 255}`
  return serviceSet({
    name: `web-${number}`,
    clusterIP: `10.96.${tail}`,
    ports: { http: 80 },
    endpoints: Array.from({ length: ENDPOINTS }, (_, n) => `10.${100 + generation + n}.${tail}`),
  })
}
