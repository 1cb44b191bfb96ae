import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { Module } from '../module.ts'
import type { ServiceSource } from '../service-source.ts'
import { type DnsService, dnsServiceOf, type PortOf } from './dns-service.ts'
import { type HostPort, printHostPort } from './host-port.ts'

export interface DnsOptions {
  /** Where to answer, over UDP and TCP; port 0 picks one. */
  readonly listen: HostPort
  /** Who is asked for other names. Empty: they are refused. */
  readonly forward: readonly HostPort[]
  /** E.g. `cluster.local`. */
  readonly clusterDomain: string
  /** How long answers may be kept, in seconds. */
  readonly ttlSeconds: number
  /** Names of pods by address, as `1-2-3-4.namespace.pod.DOMAIN`. Default disabled. */
  readonly podNames?: 'disabled' | 'verified'
  /** Networks (CIDR) whose reverse names nobody else knows. Default: none. */
  readonly reverseZones?: readonly string[]
}

/** What the thread is started with. */
export type WorkerOptions = DnsOptions

/** What the thread is told: services that came or changed, and keys of those that went. */
export interface ToWorker {
  readonly changed: readonly DnsService[]
  readonly removed: readonly string[]
  readonly isSynced: boolean
}

/** What the thread tells: where it listens, why it cannot, or what went wrong with a message. */
export type FromWorker =
  | { readonly address: string }
  | { readonly unusable: string }
  | { readonly error: string }

/**
 * Answers DNS queries for the services of the source, in a thread of its own: the
 * work of others does not delay its answers. Fails when the address cannot be used.
 */
export async function startDns(
  source: ServiceSource,
  options: DnsOptions,
  log: Logger,
  portOf?: PortOf,
): Promise<Module> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: options })
  const failed = new Promise<unknown>((resolve) => {
    worker.once('error', resolve)
    worker.once('exit', (code) => resolve(new Error(`the DNS thread ended with code ${code}`)))
  })
  const address = await Promise.race([
    listening(worker, options, log),
    failed.then((error) => Promise.reject(error)),
  ]).catch(async (error: unknown) => {
    await worker.terminate()
    throw error
  })
  const unsubscribe = source.subscribe(({ changed, removed }) => {
    const message: ToWorker = {
      changed: changed.flatMap((set) => dnsServiceOf(set, portOf) ?? []),
      removed,
      isSynced: source.isSynced,
    }
    worker.postMessage(message)
  })
  const forward = options.forward.map(printHostPort)
  log.info(
    { address, domain: options.clusterDomain, forward: forward.length > 0 ? forward : 'none' },
    'dns: answering',
  )
  return {
    name: 'dns',
    address,
    failed,
    close: async () => {
      unsubscribe()
      await worker.terminate()
    },
  }
}

/** The address the thread listens at. Goes on to log what the thread has to say. */
function listening(worker: Worker, { listen }: DnsOptions, log: Logger): Promise<string> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if ('address' in message) resolve(message.address)
      else if ('unusable' in message) {
        const wanted = printHostPort(listen)
        const text = `dns cannot listen at ${wanted}: ${message.unusable}; choose another address with --dns-listen, or off`
        reject(new Error(text))
      } else log.warn({ reason: message.error }, 'dns: a message could not be answered')
    })
  })
}
