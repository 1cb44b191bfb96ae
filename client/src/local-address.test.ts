import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { localAddressToward } from './local-address.ts'

const hasIPv6 = (networkInterfaces().lo ?? []).some(({ address }) => address === '::1')

describe('the address toward a registry', () => {
  it.each([
    ['127.0.0.1:7400', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['dns:///127.0.0.1:7400', '127.0.0.1'],
    ['dns://127.0.0.53/127.0.0.1:7400', '127.0.0.1'],
    ['ipv4:127.0.0.1:7400,127.0.0.2:7400', '127.0.0.1'],
    ['unix:/run/roster.sock', '127.0.0.1'],
  ])('at %s is %s', async (registry, address) => {
    expect(await localAddressToward(registry)).toBe(address)
  })

  it.runIf(hasIPv6)('at an IPv6 address is one of that family', async () => {
    const addresses = await Promise.all(['[::1]:7400', 'ipv6:[::1]:7400'].map(localAddressToward))
    expect(addresses).toEqual(['::1', '::1'])
  })

  it('at a host of no such name is a failure that names the host', async () => {
    // A label this long is no name, which is found out without asking anybody.
    const host = `${'x'.repeat(64)}.invalid`
    await expect(localAddressToward(`${host}:7400`)).rejects.toThrow(host)
  })
})
