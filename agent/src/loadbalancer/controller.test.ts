import { setImmediate as nextTurn } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { HaproxyWorld, hasHaproxy } from '../../../test/support/haproxy-world.ts'
import { read } from '../../../test/support/proxy-world.ts'
import { SdkWorld } from '../../../test/support/sdk-world.ts'
import { endpoint, ServiceFeed, serviceSet } from '../../../test/support/service-feed.ts'
import { freePort, virtualIP } from '../../../test/support/virtual-ip.ts'
import { LoadBalancerController } from './controller.ts'
import { HaproxyProvider } from './haproxy/haproxy-provider.ts'
import { StatusWriter } from './status-writer.ts'

const BIND = virtualIP('127.98')
const log = pino({ level: 'silent' })

let world: HaproxyWorld
let sdk: SdkWorld

beforeEach(async () => {
  world = await HaproxyWorld.make()
  sdk = new SdkWorld()
})
afterEach(async () => {
  await world.end()
  await sdk.close()
})

/** A controller of an HAProxy, and the services it is told. */
async function scene() {
  const { catalog } = sdk.connect((await sdk.registry()).address)
  const writer = new StatusWriter({ catalog, log })
  const provider = await HaproxyProvider.open(
    { loadBalancerClass: 'x/y', binds: [BIND], config: world.config, hasChecks: false },
    { node: '', zone: '' },
    log,
  )
  const source = new ServiceFeed()
  const controller = new LoadBalancerController({ provider, isDefault: true, source, writer, log })
  world.later(() => writer.close())
  world.later(() => controller.close())
  return source
}

describe.skipIf(!hasHaproxy)('the controller, with HAProxy (skipped where there is none)', () => {
  it('closes the way into a service that goes while it is opened', async () => {
    const source = await scene()
    const backend = [endpoint('a', await world.naming('a'))]
    const [webPort, apiPort] = [await freePort(), await freePort()]
    const put = (name: string, port: number) =>
      source.put(serviceSet({ type: 'LoadBalancer', ports: [{ port }] }, backend, { name }))
    put('shop/web', webPort)
    await nextTurn()
    await nextTurn()
    source.remove('shop/web')
    await nextTurn()
    put('shop/api', apiPort)
    await eventually(async () => expect(await read(apiPort, BIND)).toBe('a'))
    await eventually(async () => expect(await read(webPort, BIND)).toBe('ECONNREFUSED'), 3_000)
  })
})
