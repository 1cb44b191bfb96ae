import { isDeepStrictEqual } from 'node:util'
import { Backoff, pause, type Roster, RosterError } from '@roster/client'
import type { Logger } from 'pino'
import type { BalancedService, Ingress } from './balanced-service.ts'

const OVERWRITTEN_DELAY_MS = 1_000
const MAX_DELAY_MS = 60_000

export interface StatusWriterOptions {
  readonly catalog: Pick<Roster['catalog'], 'updateServiceStatus'>
  readonly log: Logger
}

/**
 * Writes status.loadBalancer.ingress of services where it differs from what it is to
 * be, each at the revision it was derived from: of two writers the second learns what
 * the first wrote before it writes. Waits while the registry is away. Keeps one status
 * per service, the newest.
 */
export class StatusWriter {
  readonly #catalog: StatusWriterOptions['catalog']
  readonly #log: Logger
  readonly #stopping = new AbortController()
  readonly #wanted = new Map<string, Wanted>()
  readonly #written = new Map<string, Written>()
  #backoff = new Backoff()
  #running: Promise<void> | undefined

  constructor({ catalog, log }: StatusWriterOptions) {
    this.#catalog = catalog
    this.#log = log
  }

  /** Has the ingress written, unless it is there already. */
  want(service: BalancedService, ingress: readonly Ingress[]): void {
    const { name } = service
    this.#wanted.delete(name)
    if (isDeepStrictEqual(plain(service.ingress), plain(ingress))) return
    this.#wanted.set(name, { service, ingress, notBeforeMs: this.#startMs(service, ingress) })
    this.#running ??= this.#run(this.#stopping.signal).finally(() => {
      this.#running = undefined
    })
  }

  /** Writes nothing for a service any more. */
  forget(name: string): void {
    this.#wanted.delete(name)
    this.#written.delete(name)
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  /** Not at once when somebody replaced the same: two writers would never stop. */
  #startMs({ name, revision }: BalancedService, ingress: readonly Ingress[]): number {
    const before = this.#written.get(name)
    if (!before || !isDeepStrictEqual(before.ingress, ingress)) return 0
    const delayMs = Math.min(MAX_DELAY_MS, OVERWRITTEN_DELAY_MS * 2 ** before.times)
    // Otherwise the watch has not yet told what was written here.
    if (revision > before.revision) {
      const text = 'somebody else writes this status too: give one of the two another class'
      this.#log.warn({ service: name, delayMs }, `load balancer: ${text}`)
    }
    return performance.now() + delayMs
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (this.#wanted.size > 0 && !signal.aborted) {
      const [next] = [...this.#wanted.values()].sort((a, b) => a.notBeforeMs - b.notBeforeMs)
      const waitMs = (next?.notBeforeMs ?? 0) - performance.now()
      if (!next || waitMs > 0) {
        // Short, because something more urgent may come.
        await pause(Math.min(waitMs, OVERWRITTEN_DELAY_MS), signal)
        continue
      }
      if (await this.#write(next, signal)) this.#backoff = new Backoff()
      else await pause(this.#backoff.nextDelayMs(), signal)
    }
  }

  /** Whether there is nothing more to try. */
  async #write(wanted: Wanted, signal: AbortSignal): Promise<boolean> {
    const { service, ingress } = wanted
    const { name, revision } = service
    const done = () => {
      if (this.#wanted.get(name) === wanted) this.#wanted.delete(name)
      return true
    }
    try {
      const status = { loadBalancer: { ingress: [...ingress] } }
      const [namespace = '', service = ''] = name.split('/')
      const request = { namespace, name: service, status, expectedRevision: revision }
      const written = await this.#catalog.updateServiceStatus(request, { signal })
      this.#remember(name, ingress, written.service?.metadata?.revision ?? 0)
    } catch (reason) {
      return this.#failed(name, RosterError.from(reason)) && done()
    }
    const ways = ingress.map(({ ip, hostname }) => ip || hostname)
    this.#log.info({ service: name, ingress: ways }, 'load balancer: status written')
    return done()
  }

  #remember(name: string, ingress: readonly Ingress[], revision: number): void {
    const before = this.#written.get(name)
    const times = isDeepStrictEqual(before?.ingress, ingress) ? (before?.times ?? 0) + 1 : 0
    this.#written.set(name, { ingress, revision, times })
  }

  /** Whether the failure is final. */
  #failed(name: string, { code, message }: RosterError): boolean {
    // It changed or went: the watch brings what there is to do now.
    if (code === 'CONFLICT' || code === 'NOT_FOUND' || code === 'CANCELLED') return true
    const isFinal = code === 'INVALID' || code === 'UNIMPLEMENTED'
    const level = isFinal ? 'error' : 'debug'
    this.#log[level]({ service: name, reason: message }, 'load balancer: status not written')
    return isFinal
  }
}

interface Wanted {
  readonly service: BalancedService
  readonly ingress: readonly Ingress[]
  readonly notBeforeMs: number
}

interface Written {
  readonly ingress: readonly Ingress[]
  /** What the service was at then. */
  readonly revision: number
  /** How often in succession. */
  readonly times: number
}

/** Without what the wire adds. */
const plain = (ingress: readonly Ingress[]) =>
  ingress.map(({ ip, hostname, ipMode }) => ({ ip, hostname, ipMode }))
