import { describe, expect, it } from 'vitest'
import { addressesOf, podName } from './container-pod.ts'
import type { Container } from './engine.ts'

/** A container that runs in these networks, by IPv4 address. */
function container(
  networks: Readonly<Record<string, string>>,
  networkMode = Object.keys(networks)[0] ?? 'none',
  own: Partial<Container> = {},
): Container {
  return {
    Id: 'f'.repeat(64),
    Name: '/web',
    Created: '2026-01-02T03:04:05Z',
    State: { Status: 'running', ExitCode: 0, StartedAt: '2026-01-02T03:04:06Z' },
    Config: { Labels: {} },
    HostConfig: { NetworkMode: networkMode },
    NetworkSettings: {
      Networks: Object.fromEntries(
        Object.entries(networks).map(([name, IPAddress]) => [
          name,
          { IPAddress, GlobalIPv6Address: '' },
        ]),
      ),
    },
    ...own,
  }
}

const NONE = new Map<string, Container>()

describe('a container is reached', () => {
  it('in the network it was created with, whatever others it joined', () => {
    const both = container({ aaa: '10.0.0.1', mesh: '10.1.0.1' }, 'mesh')
    expect(addressesOf(both, {}, NONE)).toEqual(['10.1.0.1'])
  })

  it('in the default network, which has another name there', () => {
    const both = container({ aaa: '10.0.0.1', bridge: '172.17.0.2' }, 'default')
    expect(addressesOf(both, {}, NONE)).toEqual(['172.17.0.2'])
  })

  it('in the network its labels name, or nowhere', () => {
    const both = container({ aaa: '10.0.0.1', mesh: '10.1.0.1' }, 'mesh')
    expect(addressesOf(both, { network: 'aaa' }, NONE)).toEqual(['10.0.0.1'])
    expect(addressesOf(both, { network: 'nope' }, NONE)).toEqual([])
  })

  it('at both of its addresses', () => {
    const dual = container({}, 'mesh', {
      NetworkSettings: {
        Networks: { mesh: { IPAddress: '10.0.0.1', GlobalIPv6Address: 'fd00::1' } },
      },
    })
    expect(addressesOf(dual, {}, NONE)).toEqual(['10.0.0.1', 'fd00::1'])
  })

  it('where the container is whose network it shares', () => {
    const owner = container({ mesh: '10.1.0.1' })
    const guest = container({}, 'container:owner')
    expect(addressesOf(guest, {}, new Map([['owner', owner]]))).toEqual(['10.1.0.1'])
    expect(addressesOf(guest, {}, NONE)).toEqual([])
  })

  it('at the address its labels give, as one in the network of its machine must', () => {
    const host = container({ host: '' })
    expect(addressesOf(host, {}, NONE)).toEqual([])
    expect(addressesOf(host, { address: '192.0.2.1' }, NONE)).toEqual(['192.0.2.1'])
  })

  it('nowhere when it does not run', () => {
    const State = { Status: 'exited', ExitCode: 0, StartedAt: '2026-01-02T03:04:06Z' }
    const exited = container({ mesh: '10.1.0.1' }, 'mesh', { State })
    expect(addressesOf(exited, { address: '192.0.2.1' }, NONE)).toEqual([])
  })
})

describe('the name of a pod', () => {
  it.each([
    ['/Shop_web.1', 'shop-web-1-ffffffffffff'],
    ['/___', 'ffffffffffff'],
    [`/${'a'.repeat(49)}_b${'c'.repeat(99)}`, `${'a'.repeat(49)}-ffffffffffff`],
  ])('of container %s is %s', (Name, expected) => {
    expect(podName(container({}, 'none', { Name }))).toBe(expected)
  })
})
