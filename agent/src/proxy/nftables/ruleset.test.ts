import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NetWorld, whyNoNetWorld } from '../../../../test/support/net-world.ts'
import { endpoint, serviceSet } from '../../../../test/support/service-feed.ts'
import type { ServiceChange } from '../../service-source.ts'
import { DesiredBlocks } from './desired-blocks.ts'
import { Ruleset } from './ruleset.ts'

const reason = whyNoNetWorld()
if (reason) process.stderr.write(`skipped: ${reason}\n`)

const NOTHING = { chains: [], sets: [] }
const EMPTY = { ip: NOTHING, ip6: NOTHING }
const TIMEOUT_MS = 120_000

let world: NetWorld

beforeAll(async () => {
  if (!reason) world = await NetWorld.start()
})

afterAll(() => world?.end())

const nft = (...parts: readonly Iterable<string>[]) =>
  world.run(world.node, 'nft -f -', parts.flatMap((part) => [...part]).join(''))

type Listed = Readonly<Record<string, unknown>> & { readonly elem?: readonly unknown[] }

/** Everything in the kernel: rules in their order, elements in none. */
async function inForce() {
  const text = await world.run(world.node, 'nft -j list ruleset')
  const state: Record<string, unknown[]> = {}
  for (const one of JSON.parse(text).nftables as readonly Readonly<Record<string, Listed>>[]) {
    const [[kind, { handle: _, elem, ...own }] = ['', {} as Listed]] = Object.entries(one)
    if (kind === 'metainfo') continue
    const place = `${own.family} ${kind} ${kind === 'rule' ? own.chain : own.name}`
    const elements = elem?.map((element) => JSON.stringify(element)).sort()
    state[place] = [...(state[place] ?? []), { ...own, elements }]
  }
  return state
}

const found = (state: Readonly<Record<string, unknown>>, family: string) => {
  const names = (kind: string) =>
    Object.keys(state).flatMap((place) => {
      const prefix = `${family} ${kind} `
      return place.startsWith(prefix) ? place.slice(prefix.length) : []
    })
  return { chains: names('chain'), sets: [...names('set'), ...names('map')] }
}

const endpoints = fc.uniqueArray(
  fc
    .record({
      id: fc.constantFrom('a', 'b', 'c'),
      ready: fc.boolean(),
      nodeName: fc.constantFrom('n1', 'n2'),
      weight: fc.constantFrom(1, 100),
      last: fc.constantFrom(1, 2),
    })
    .map(({ id, last, ...own }) =>
      endpoint(id, 9000, { ...own, addresses: [`10.0.0.${last}`, `fd00::${last}`] }),
    ),
  { selector: ({ id }) => id, maxLength: 3 },
)

/** Few addresses, so that services meet at them and at their endpoints. */
const change: fc.Arbitrary<ServiceChange> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({
        name: fc.constantFrom('a/one', 'a/two', 'b/one'),
        type: fc.constantFrom('ClusterIP', 'LoadBalancer'),
        clusterIps: fc.constantFrom<string[]>(['10.96.0.1'], ['10.96.0.2', 'fd00:96::2']),
        sessionAffinity: fc.constantFrom('None', 'ClientIP'),
        externalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
        internalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
        loadBalancerSourceRanges: fc.subarray(['10.0.0.0/8', '10.1.2.3/16', 'fd00::/64']),
        port: fc.constantFrom(80, 81),
        some: endpoints,
      })
      .map(({ name, port, some, ...spec }) => {
        const ports = [{ port, nodePort: 30_000 + port }]
        const set = serviceSet({ ...spec, ports }, some, { name, ingress: [{ ip: '203.0.113.1' }] })
        return { changed: [set], removed: [] }
      }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('a/one', 'a/two').map((name) => ({ changed: [], removed: [name] })),
  },
)

describe.skipIf(reason)('the ruleset', () => {
  it(
    'is in the kernel after changes what it is made anew, on nothing and on what was there',
    async () => {
      const options = { serviceRanges: ['10.96.0.0/16'], masquerade: 'needed' } as const
      const steps = fc.array(change, { minLength: 1, maxLength: 8 })
      await fc.assert(
        fc.asyncProperty(steps, steps, async (changes, former) => {
          const desired = new DesiredBlocks({ node: 'n1', zone: '' })
          const rules = new Ruleset(options)
          await nft('flush ruleset\n', rules.full(EMPTY))
          for (const one of changes) {
            desired.apply(one)
            await nft(rules.update(desired.takeChanges().blocks)())
          }
          const byDeltas = await inForce()

          const others = new DesiredBlocks({ node: 'n1', zone: '' })
          for (const one of former) others.apply(one)
          const formerRules = new Ruleset(options)
          formerRules.update(others.takeChanges().blocks)
          await nft('flush ruleset\n', formerRules.full(EMPTY))
          const left = await inForce()
          await nft(rules.full({ ip: found(left, 'ip'), ip6: found(left, 'ip6') }))
          expect(await inForce()).toEqual(byDeltas)

          await nft('flush ruleset\n', rules.full(EMPTY))
          expect(await inForce()).toEqual(byDeltas)
        }),
        { numRuns: 12 },
      )
    },
    TIMEOUT_MS,
  )
})
