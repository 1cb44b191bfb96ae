import { describe, expect, it } from 'vitest'
import { serviceSet } from '../../../../test/support/service-feed.ts'
import { type BalancedService, balancedService } from '../balanced-service.ts'
import { AddressPool } from './address-pool.ts'
import { PoolProvider } from './pool-provider.ts'

/** A service made `ageS` seconds ago, whose status has some addresses. */
function service(
  name: string,
  ingress: readonly string[] = [],
  { ageS = 0, ...spec }: Parameters<typeof serviceSet>[0] & { readonly ageS?: number } = {},
): BalancedService {
  const set = serviceSet({ type: 'LoadBalancer', ...spec }, [], {
    name,
    ingress: ingress.map((ip) => ({ ip })),
  })
  const creationTimestamp = { seconds: String(1_000_000 - ageS), nanos: 0 }
  const metadata = { creationTimestamp } as never
  return balancedService({ ...set, definition: { ...set.definition!, metadata } })!
}

/** A provider that knows these services already. */
async function provider(text: string, ...services: readonly BalancedService[]) {
  const pool = new PoolProvider(new AddressPool(text))
  await pool.sync(services)
  const addresses = async (one: BalancedService) =>
    (await pool.ensure(one)).ingress.map(({ ip }) => ip)
  return { pool, addresses }
}

describe('the pool', () => {
  it('gives each service an address of its own, for the proxies to carry', async () => {
    const { pool, addresses } = await provider('192.0.2.1-192.0.2.2')
    const { ingress } = await pool.ensure(service('shop/web'))
    expect(ingress).toEqual([
      { ip: expect.stringMatching(/^192\.0\.2\.[12]$/), hostname: '', ipMode: 'VIP' },
    ])
    expect(await addresses(service('shop/api'))).not.toEqual(ingress.map(({ ip }) => ip))
  })

  it('keeps the address a service has', async () => {
    const { addresses } = await provider('192.0.2.0/24')
    expect(await addresses(service('shop/web', ['192.0.2.77']))).toEqual(['192.0.2.77'])
  })

  it('keeps an address that somebody gave out of another pool', async () => {
    const { addresses } = await provider('192.0.2.0/24')
    expect(await addresses(service('shop/web', ['198.51.100.1']))).toEqual(['198.51.100.1'])
  })

  it('gives the address that is asked for', async () => {
    const { addresses } = await provider('192.0.2.0/24')
    const asking = service('shop/web', ['192.0.2.7'], { loadBalancerIp: '192.0.2.8' })
    expect(await addresses(asking)).toEqual(['192.0.2.8'])
  })

  it.each([
    ['192.0.2.7', 'spec.loadBalancerIP 192.0.2.7 belongs to shop/api'],
    ['198.51.100.1', 'spec.loadBalancerIP 198.51.100.1 is not in pool 192.0.2.0/24'],
  ])('says why it cannot give %s', async (loadBalancerIp, problem) => {
    const { pool } = await provider('192.0.2.0/24', service('shop/api', ['192.0.2.7']))
    expect(await pool.ensure(service('shop/web', [], { loadBalancerIp }))).toEqual({
      ingress: [],
      problem,
    })
  })

  it('says that it is used up, and gives what becomes free', async () => {
    const { pool, addresses } = await provider('192.0.2.9/32', service('shop/api', ['192.0.2.9']))
    expect(await pool.ensure(service('shop/web'))).toEqual({
      ingress: [],
      problem: 'no IPv4 address is free in pool 192.0.2.9/32: make it larger',
    })
    await pool.ensureDeleted('shop/api')
    expect(await addresses(service('shop/web'))).toEqual(['192.0.2.9'])
  })

  it('leaves an address that two agents gave at once to the older service', async () => {
    const older = service('shop/web', ['192.0.2.1'], { ageS: 60 })
    const younger = service('shop/api', ['192.0.2.1'], { ageS: 30 })
    const { addresses } = await provider('192.0.2.1-192.0.2.2', older, younger)
    expect(await addresses(older)).toEqual(['192.0.2.1'])
    expect(await addresses(younger)).toEqual(['192.0.2.2'])
  })

  it('gives an address of each family of the service', async () => {
    const { addresses } = await provider('192.0.2.9/32,2001:db8::9/128')
    const dual = service('shop/web', [], { ipFamilies: ['IPv6', 'IPv4'] })
    expect(await addresses(dual)).toEqual(['2001:db8::9', '192.0.2.9'])
  })
})
