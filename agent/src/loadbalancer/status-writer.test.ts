import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { SdkWorld } from '../../../test/support/sdk-world.ts'
import { serviceSet } from '../../../test/support/service-feed.ts'
import { type BalancedService, balancedService } from './balanced-service.ts'
import { StatusWriter } from './status-writer.ts'

const OURS = [{ ip: '192.0.2.1', hostname: '', ipMode: 'VIP' }]
const THEIRS = [{ ip: '192.0.2.2', hostname: '', ipMode: 'VIP' }]
const WEB = { namespace: 'shop', name: 'web' }

let world = new SdkWorld()
afterEach(async () => {
  await world.close()
  world = new SdkWorld()
})

/** A registry with service shop/web, and a writer for it. */
async function scene() {
  const file = await world.file()
  const registry = await world.registry({ file })
  const { catalog } = world.connect(registry.address)
  const spec = { type: 'LoadBalancer', ports: [{ port: 80 }] }
  await catalog.applyService({ service: { metadata: WEB, spec } })
  const warnings: string[] = []
  const log = pino({ level: 'warn' }, { write: (line) => warnings.push(line) })
  const written: (string | undefined)[] = []
  const updateServiceStatus: typeof catalog.updateServiceStatus = (request, options) => {
    written.push(request.name)
    return catalog.updateServiceStatus(request, options)
  }
  const writer = new StatusWriter({ catalog: { updateServiceStatus }, log })
  world.onClose(() => writer.close())
  /** The service as a watch tells it. */
  const told = async (name = 'web'): Promise<BalancedService> => {
    const { service } = await catalog.getService({ namespace: 'shop', name })
    const set = serviceSet({}, [], { name: `shop/${name}` })
    return balancedService({ ...set, definition: service! })!
  }
  const ingress = async (name = 'web') => (await told(name)).ingress
  /** Resolves when everything that was wanted is done: services are written one after the other. */
  const done = async () => {
    await catalog.applyService({ service: { metadata: { ...WEB, name: 'next' }, spec } })
    writer.want(await told('next'), OURS)
    await eventually(async () => expect(await ingress('next')).toEqual(OURS))
  }
  return { file, registry, catalog, writer, written, warnings, ingress, told, done }
}

describe('the writer of statuses', () => {
  it('waits for a registry that is away', async () => {
    const { file, registry, writer, ingress, told } = await scene()
    const service = await told()
    await registry.stop()
    writer.want(service, OURS)
    await world.registry({ file, address: registry.address })
    await eventually(async () => expect(await ingress()).toEqual(OURS))
  })

  it('writes nothing that is there already', async () => {
    const { catalog, writer, written, told, done } = await scene()
    await catalog.updateServiceStatus({ ...WEB, status: { loadBalancer: { ingress: OURS } } })
    writer.want(await told(), OURS)
    await done()
    expect(written).toEqual(['next'])
  })

  it('writes nothing for a service that has changed meanwhile', async () => {
    const { catalog, writer, ingress, told, done } = await scene()
    const before = await told()
    await catalog.updateServiceStatus({ ...WEB, status: { loadBalancer: { ingress: THEIRS } } })
    writer.want(before, OURS)
    await done()
    expect(await ingress()).toEqual(THEIRS)
  })

  it('takes its time with another writer of the same status, and says so', async () => {
    const { catalog, writer, warnings, ingress, told } = await scene()
    writer.want(await told(), OURS)
    await eventually(async () => expect(await ingress()).toEqual(OURS))
    await catalog.updateServiceStatus({ ...WEB, status: { loadBalancer: { ingress: THEIRS } } })
    const startMs = performance.now()
    writer.want(await told(), OURS)
    await eventually(async () => expect(await ingress()).toEqual(OURS))
    expect(performance.now() - startMs).toBeGreaterThan(990)
    expect(warnings.join()).toContain('somebody else writes this status too')
  })
})
