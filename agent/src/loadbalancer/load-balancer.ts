import type { Roster } from '@roster/client'
import type { Logger } from 'pino'
import type { Module } from '../module.ts'
import type { Place } from '../proxy/model/backends.ts'
import type { ServiceSource } from '../service-source.ts'
import { LoadBalancerController } from './controller.ts'
import { type HaproxyOptions, HaproxyProvider } from './haproxy/haproxy-provider.ts'
import { AddressPool } from './pool/address-pool.ts'
import { Announcer } from './pool/announcer.ts'
import { PoolProvider } from './pool/pool-provider.ts'
import type { LoadBalancerProvider } from './provider.ts'
import { StatusWriter } from './status-writer.ts'

export interface LoadBalancerOptions {
  /** The provider of services without spec.loadBalancerClass; none: they are left alone. */
  readonly defaultProvider: 'pool' | 'haproxy' | 'none'
  /** Networks and ranges of addresses to give out, see AddressPool. Absent: none. */
  readonly pool?: string
  /** Interface that holds the addresses of the pool. Absent: no interface has to. */
  readonly poolInterface?: string
  /** Absent: no HAProxy. */
  readonly haproxy?: HaproxyOptions
}

/** What the load balancers of an agent need of it. */
export interface LoadBalancerNeeds {
  readonly source: ServiceSource
  readonly catalog: Pick<Roster['catalog'], 'updateServiceStatus'>
  readonly place: Place
  readonly log: Logger
}

/**
 * Gives services of type LoadBalancer a way in, and writes where it is into their
 * status. Fails when a provider that is asked for cannot work here.
 */
export async function startLoadBalancer(
  needs: LoadBalancerNeeds,
  options: LoadBalancerOptions,
): Promise<Module> {
  const { source, catalog, log } = needs
  const providers = await openProviders(needs, options)
  const writer = new StatusWriter({ catalog, log })
  const controllers = providers.map((provider) => {
    const isDefault = provider.name === options.defaultProvider
    return new LoadBalancerController({ provider, isDefault, source, writer, log })
  })
  log.info(
    { classes: providers.map((one) => one.loadBalancerClass), default: options.defaultProvider },
    'load balancer: running',
  )
  return {
    name: 'load-balancer',
    // What fails here is tried again.
    failed: new Promise(() => undefined),
    close: async () => {
      await Promise.all(controllers.map((controller) => controller.close()))
      await writer.close()
    },
  }
}

async function openProviders(
  { place, log }: LoadBalancerNeeds,
  options: LoadBalancerOptions,
): Promise<readonly LoadBalancerProvider[]> {
  const { poolInterface, haproxy } = options
  const pool = options.pool === undefined ? undefined : new AddressPool(options.pool)
  const announcer =
    pool && poolInterface !== undefined ? await Announcer.open(poolInterface, pool, log) : undefined
  try {
    return [
      ...(pool ? [new PoolProvider(pool, announcer)] : []),
      ...(haproxy ? [await HaproxyProvider.open(haproxy, place, log)] : []),
    ]
  } catch (error) {
    await announcer?.close()
    throw error
  }
}
