import { describe, expect, it } from 'vitest'
import { endpoint, serviceSet } from '../../../../test/support/service-feed.ts'
import { frontendsOf } from '../model/frontends-of.ts'
import { blockOf } from './block.ts'

type Rest = Parameters<typeof serviceSet>

const blocksOf = (spec: Rest[0], endpoints: Rest[1], status: Rest[2] = {}) =>
  frontendsOf(serviceSet(spec, endpoints, status), { node: 'n1', zone: '' }).frontends.map(
    (frontend) => blockOf(frontend, { keepsClientAddress: false }),
  )

const at = (id: string, address: string, own: Parameters<typeof endpoint>[2] = {}) =>
  endpoint(id, 9000, { addresses: [address], ...own })

const spec = { clusterIp: '10.96.0.10', ports: [{ port: 80 }] }

describe('the block of a frontend', () => {
  it('gives each backend its share of what those before it have left', () => {
    const backends = [
      at('a', '10.0.0.1', { weight: 2 }),
      at('b', '10.0.0.2', { weight: 1 }),
      at('c', '10.0.0.3', { weight: 3 }),
    ]
    const [block] = blocksOf(spec, backends)
    expect(block?.chains.get('tcp/10.96.0.10/80')).toEqual([
      'numgen random mod 6 < 2 meta l4proto tcp dnat to 10.0.0.1:9000 comment "shop/web:main"',
      'numgen random mod 4 < 1 meta l4proto tcp dnat to 10.0.0.2:9000 comment "shop/web:main"',
      'meta l4proto tcp dnat to 10.0.0.3:9000 comment "shop/web:main"',
    ])
  })

  it('names chains and sets without colons, and brackets IPv6 addresses', () => {
    const affine = { ...spec, clusterIp: 'fd00:96::10', sessionAffinity: 'ClientIP' }
    const [block] = blocksOf(affine, [at('a', 'fd00::1')])
    const chain = 'tcp/fd00-96--10/80'
    const set = `affinity/${chain}/fd00--1/9000`
    expect(block?.affinitySets).toEqual([set])
    expect(block?.chains.get(chain)?.[0]).toBe(
      `ip6 saddr @${set} update @${set} { ip6 saddr timeout 10800s } meta l4proto tcp dnat to [fd00::1]:9000 comment "shop/web:main"`,
    )
    expect(block?.elements).toContainEqual({
      set: 'services',
      key: 'fd00:96::10 . tcp . 80',
      verdict: `goto ${chain}`,
    })
  })

  it('has names nftables takes, 127 characters at most, for the longest addresses', () => {
    const long = (last: string) => `fd00:1111:2222:3333:4444:5555:6666:${last}`
    const affine = {
      ...spec,
      clusterIp: long('aaaa'),
      ports: [{ port: 65_535, protocol: 'SCTP' }],
      sessionAffinity: 'ClientIP',
    }
    const [block] = blocksOf(affine, [at('a', long('bbbb'), { protocol: 'SCTP' })])
    const names = [...(block?.chains.keys() ?? []), ...(block?.affinitySets ?? [])]
    expect(names).toHaveLength(2)
    for (const name of names) expect(name.length).toBeLessThan(128)
  })

  it('drops without local endpoints what it rejects without any', () => {
    const verdicts = (endpoints: Rest[1]) =>
      blocksOf({ ...spec, internalTrafficPolicy: 'Local' }, endpoints).map(
        ({ elements }) => elements.find(({ set }) => set === 'no_endpoints')?.verdict,
      )
    expect(verdicts([])).toEqual(['goto reject-packet'])
    expect(verdicts([at('a', '10.0.0.1', { nodeName: 'n2' })])).toEqual(['drop'])
    expect(verdicts([at('a', '10.0.0.1', { nodeName: 'n1' })])).toEqual([undefined])
  })

  it('takes nothing from names into a comment that could end it, and cuts it short', () => {
    const name = `shop/${'w'.repeat(200)}`
    const odd = { ...spec, ports: [{ name: 'a"; flush ruleset #', port: 80 }] }
    const port = { name: 'a"; flush ruleset #', protocol: 'TCP', port: 1, appProtocol: '' }
    const rules = [name, 'shop/web'].flatMap((one) => {
      const [block] = blocksOf(odd, [at('a', '10.0.0.1', { ports: [port] })], { name: one })
      return [...(block?.chains.values() ?? [])].flat()
    })
    expect(rules).toEqual([
      `meta l4proto tcp dnat to 10.0.0.1:1 comment "${`${name}`.slice(0, 127)}"`,
      'meta l4proto tcp dnat to 10.0.0.1:1 comment "shop/web:aflushruleset"',
    ])
  })

  it('leaves out source ranges that others cover, and lets nobody in when none is of the family', () => {
    const firstRule = (loadBalancerSourceRanges: readonly string[]) => {
      const own = {
        ...spec,
        type: 'LoadBalancer',
        loadBalancerSourceRanges: [...loadBalancerSourceRanges],
      }
      const blocks = blocksOf(own, [at('a', '10.0.0.1')], { ingress: [{ ip: '203.0.113.1' }] })
      return blocks.flatMap(({ chains }) => chains.get('tcp/203.0.113.1/80')?.[0] ?? [])
    }
    expect(firstRule(['10.1.0.0/16', '192.0.2.0/24', '10.0.0.0/8'])).toEqual([
      'ip saddr != { 10.0.0.0/8, 192.0.2.0/24 } drop',
    ])
    expect(firstRule(['fd00::/8'])).toEqual(['drop'])
    expect(firstRule(['10.0.0.0/8', '0.0.0.0/0'])).toEqual(['meta mark set meta mark or 0x4000'])
  })
})
