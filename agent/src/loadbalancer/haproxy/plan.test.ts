import { describe, expect, it } from 'vitest'
import { endpoint, serviceSet } from '../../../../test/support/service-feed.ts'
import { type BalancedService, balancedService } from '../balanced-service.ts'
import { planOf } from './plan.ts'

type Spec = Parameters<typeof serviceSet>[0]

const service = (
  name: string,
  spec: Spec = {},
  { ingress = '', endpoints = [] as readonly ReturnType<typeof endpoint>[] } = {},
): BalancedService =>
  balancedService(
    serviceSet({ type: 'LoadBalancer', ports: [{ port: 80 }], ...spec }, endpoints, {
      name,
      ingress: ingress === '' ? [] : [{ ip: ingress }],
    }),
  )!

const plan = (services: readonly BalancedService[], binds = ['192.0.2.1', '192.0.2.2']) =>
  planOf(services, { binds, place: { node: '', zone: '' } })

/** Addresses and problems by name of the service. */
const outcome = (services: readonly BalancedService[], binds?: string[]) =>
  Object.fromEntries(
    [...plan(services, binds).ensured].map(([name, { ingress, problem }]) => [
      name,
      [...ingress.map(({ ip }) => ip), ...(problem === undefined ? [] : [problem])],
    ]),
  )

describe('the plan for HAProxy', () => {
  it('puts services with the same port at different addresses, others at the first', () => {
    expect(
      outcome([service('s/a'), service('s/b'), service('s/c', { ports: [{ port: 81 }] })]),
    ).toEqual({ 's/a': ['192.0.2.1'], 's/b': ['192.0.2.2'], 's/c': ['192.0.2.1'] })
  })

  it('says who has the port when no address is left', () => {
    expect(outcome([service('s/a'), service('s/b')], ['192.0.2.1'])).toEqual({
      's/a': ['192.0.2.1'],
      's/b': ['192.0.2.1:80 is taken by s/a'],
    })
  })

  it('leaves a service where it is', () => {
    const there = service('s/z', {}, { ingress: '192.0.2.1' })
    expect(outcome([service('s/a'), there])).toEqual({ 's/a': ['192.0.2.2'], 's/z': ['192.0.2.1'] })
  })

  it('gives the address that is asked for, where HAProxy has it', () => {
    const asking = service('s/a', { loadBalancerIp: '192.0.2.2' })
    const elsewhere = service('s/b', { loadBalancerIp: '192.0.2.9' })
    expect(outcome([asking, elsewhere])).toEqual({
      's/a': ['192.0.2.2'],
      's/b': ['spec.loadBalancerIP 192.0.2.9 is not an address of HAProxy (192.0.2.1,192.0.2.2)'],
    })
  })

  it('carries the TCP ports of a service that has others too, and says so', () => {
    const ports = [
      { name: 'main', port: 53 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ]
    const { listeners } = plan([service('s/a', { ports })])
    expect(listeners.map(({ name }) => name)).toEqual(['roster.s.a.192.0.2.1:53'])
    expect(outcome([service('s/a', { ports })])).toEqual({
      's/a': ['192.0.2.1', 'port 53/UDP: HAProxy carries TCP only'],
    })
  })

  it('has no place for a service without TCP ports', () => {
    const ports = [{ port: 53, protocol: 'UDP' }]
    expect(outcome([service('s/a', { ports })])).toEqual({
      's/a': ['port 53/UDP: HAProxy carries TCP only'],
    })
  })

  it('sends to ready endpoints, with weights that HAProxy knows', () => {
    const endpoints = [
      endpoint('heavy', 1, { weight: 10_000 }),
      endpoint('light', 2, { weight: 5_000 }),
      endpoint('feather', 3, { weight: 1 }),
      endpoint('none', 4, { weight: 0 }),
      endpoint('gone', 5, { ready: false, serving: true, terminating: true }),
    ]
    const [listener] = plan([service('s/a', {}, { endpoints })]).listeners
    expect(listener?.servers.map(({ port, weight }) => [port, weight])).toEqual([
      [1, 256],
      [2, 128],
      [3, 1],
    ])
  })

  it('names each server once', () => {
    const endpoints = [endpoint('one', 8080), endpoint('again', 8080)]
    const [listener] = plan([service('s/a', {}, { endpoints })]).listeners
    expect(listener?.servers.map(({ name }) => name)).toEqual(['127.0.0.1:8080'])
  })
})
