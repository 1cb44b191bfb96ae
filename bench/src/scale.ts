import { callAll } from './calls.ts'
import type { H2Connection } from './h2-connection.ts'
import type { Call } from './peer.ts'
import type { Report } from './report.ts'
import { type Roster, startRoster } from './roster-peer.ts'
import {
  applyService,
  type PodName,
  registerPods,
  updatePodStatus,
  watchEndpoints,
} from './roster-requests.ts'
import { median } from './statistics.ts'

const FEW_SERVICES = 100
const MANY_SERVICES = 10_000
const PODS_PER_SERVICE = 3
const BATCH_PODS = 100
const CALLERS = 16
const ROUNDS = 5
const CHANGES = 3_000
/** Namespace of the services whose pods change and that are watched: the same number in both. */
const TOUCHED = 'touched'

/**
 * Server CPU per change of a pod's readiness with 10,000 services against 100. The
 * changes go over the pods of 100 services, which one watcher watches; the services
 * beyond those live in another namespace and have as many pods each.
 */
export async function scale(): Promise<Report> {
  const few = await Registry.start(FEW_SERVICES)
  const many = await Registry.start(MANY_SERVICES)
  // The first round compiles the code.
  await few.cpuPerChangeMicros()
  await many.cpuPerChangeMicros()
  const fewMicros: number[] = []
  const manyMicros: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    fewMicros.push(await few.cpuPerChangeMicros())
    manyMicros.push(await many.cpuPerChangeMicros())
  }
  await few.stop()
  await many.stop()
  const microsWithFew = median(fewMicros)
  const microsWithMany = median(manyMicros)
  const ratio = microsWithMany / microsWithFew
  const row = (what: string, unit: string, roster: number) => ({ what, unit, roster })
  return {
    rows: [
      row(`CPU per change with ${FEW_SERVICES} services`, 'us', microsWithFew),
      row(`CPU per change with ${MANY_SERVICES} services`, 'us', microsWithMany),
      { ...row('the second over the first', 'ratio', ratio), goal: { of: 'roster', atMost: 1.2 } },
    ],
    json: { ratio, microsWithFew, microsWithMany },
  }
}

/** A registry with so many services, and a watcher. */
class Registry {
  readonly #roster: Roster
  readonly #connection: H2Connection
  #ready = true

  private constructor(roster: Roster, connection: H2Connection) {
    this.#roster = roster
    this.#connection = connection
  }

  static async start(services: number): Promise<Registry> {
    const roster = await startRoster()
    const connection = await roster.process.connect(roster.address)
    const apply = Array.from({ length: services }, (_, n) =>
      applyService(namespaceOf(n), `app-${n}`),
    )
    await callAll([connection], apply, { callers: CALLERS })
    const pods = Array.from({ length: services * PODS_PER_SERVICE }, (_, n) => podOf(n))
    const register: Call[] = []
    while (pods.length > 0) register.push(registerPods(pods.splice(0, BATCH_PODS)))
    await callAll([connection], register, { callers: CALLERS })

    const listener = { onMessage: () => undefined, onEnd: () => undefined }
    const { headers, request } = watchEndpoints(TOUCHED, '')
    connection.call(headers, request, listener, 'open')
    return new Registry(roster, connection)
  }

  /** Flips the readiness of one pod after the other; CPU time of each flip. */
  async cpuPerChangeMicros(): Promise<number> {
    const flips = Array.from({ length: CHANGES }, (_, n) => {
      const service = n % FEW_SERVICES
      if (service === 0) this.#ready = !this.#ready
      return updatePodStatus(podOf(service * PODS_PER_SERVICE), { ready: this.#ready })
    })
    const before = this.#roster.process.cpuMicros
    await callAll([this.#connection], flips, { callers: CALLERS })
    return (this.#roster.process.cpuMicros - before) / CHANGES
  }

  async stop(): Promise<void> {
    this.#connection.close()
    await this.#roster.process.stop()
  }
}

function namespaceOf(service: number): string {
  return service < FEW_SERVICES ? TOUCHED : 'rest'
}

function podOf(number: number): PodName {
  const service = Math.floor(number / PODS_PER_SERVICE)
  return { namespace: namespaceOf(service), service: `app-${service}`, number }
}
