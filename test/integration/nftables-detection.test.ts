import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NetWorld, whyNoNetWorld } from '../support/net-world.ts'

const reason = whyNoNetWorld()
if (reason) process.stderr.write(`skipped: ${reason}\n`)

const PROXY = fileURLToPath(new URL('../../agent/dist/proxy/proxy.js', import.meta.url))

let world: NetWorld

beforeAll(async () => {
  if (!reason) world = await NetWorld.start()
})

afterAll(() => world?.end())

/** Which engine an agent in a namespace chooses, and why; or why it does not start. */
async function choiceOf(
  engine: string,
  serviceRange: string,
  prefix = '',
): Promise<Readonly<Record<string, string>>> {
  const program = `
    import { startProxy } from '${PROXY}'
    const source = { isSynced: false, sets: new Map(), subscribe: () => () => {} }
    const print = (fields) => process.stdout.write(JSON.stringify(fields))
    const log = { info: print, warn: print, error: print }
    const options = { engine: '${engine}', serviceRanges: ['${serviceRange}'] }
    const start = startProxy(source, options, { node: 'n1', zone: '' }, log)
    await start.then((proxy) => proxy.close(), ({ message }) => print({ message }))`
  const node = `${prefix} '${process.execPath}' --input-type=module -`
  return JSON.parse(await world.run(world.node, node, program))
}

describe.skipIf(reason)('the proxy', () => {
  it('is nftables where the kernel and nft take its rules', async () => {
    const choice = await choiceOf('auto', '10.96.0.0/16')
    expect(choice).toEqual({ engine: 'nftables', reason: 'it can be used here' })
  })

  it('is userspace where ClusterIPs are loopback addresses', async () => {
    const { engine, reason: why } = await choiceOf('auto', '127.96.0.0/16')
    expect(engine).toBe('userspace')
    expect(why).toContain('loopback')
  })

  it('is userspace without the capability', async () => {
    const unprivileged = 'setpriv --bounding-set=-all --inh-caps=-all'
    const { engine, reason: why } = await choiceOf('auto', '10.96.0.0/16', unprivileged)
    expect({ engine, why }).toEqual({
      engine: 'userspace',
      why: 'the process lacks CAP_NET_ADMIN',
    })
  })

  it('is userspace where nft refuses the rules', async () => {
    const { engine, reason: why } = await choiceOf('auto', '10.96.0.0/99')
    expect(engine).toBe('userspace')
    expect(why).toContain('a trial of the rules failed: nft: ')
  })

  it('does not start when nftables was asked for and cannot be used', async () => {
    const { message } = await choiceOf('nftables', '127.96.0.0/16')
    expect(message).toContain('the nftables proxy cannot be used: ')
  })
})
