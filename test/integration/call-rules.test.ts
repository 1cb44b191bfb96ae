import { type RunningRegistry, startRegistry } from '@roster/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clients, connect, webPod, webService } from '../support/clients.ts'

let registry: RunningRegistry
let client: Clients

beforeEach(async () => {
  registry = await startRegistry({ data: ':memory:', listen: '127.0.0.1:0', logLevel: 'silent' })
  client = connect(registry.address)
  await client.catalog.applyService(webService())
})

afterEach(async () => {
  client.close()
  await registry.stop()
})

const podWith = (notIdempotentMethods: string[]) => {
  const pod = webPod('web-1')
  return { ...pod, spec: { ...pod.spec, notIdempotentMethods } }
}

describe('methods that must not run twice', () => {
  it('come from the pod to those who call its services', async () => {
    const methods = ['shop.v1.Orders/Pay', 'shop.v1.Billing/*']
    const { pod } = await client.pods.registerPod({ pod: podWith(methods) })
    const { endpointSet } = await client.endpoints.resolveEndpoints({
      namespace: 'demo',
      service: 'web',
    })
    expect(pod?.spec?.notIdempotentMethods).toEqual(methods)
    expect(endpointSet?.endpoints.map((e) => e.notIdempotentMethods)).toEqual([methods])
  })

  it('are refused by their field when they are none', async () => {
    const pod = podWith(['shop.v1.Orders/Pay', 'Pay'])
    await expect(client.pods.registerPod({ pod })).rejects.toMatchObject({
      code: 3,
      extra: [{ fieldViolations: [{ field: 'spec.notIdempotentMethods[1]' }] }, {}],
    })
  })
})

describe('an annotation by which a service says how to call it', () => {
  const applyWith = (annotations: Record<string, string>) => {
    const { service } = webService()
    return client.catalog.applyService({
      service: { ...service, metadata: { ...service.metadata, annotations } },
    })
  }

  it('is kept as it was written', async () => {
    const annotations = { 'roster.dev/retry': '{"maxAttempts": 3}', note: 'mine' }
    const { service } = await applyWith(annotations)
    expect(service?.metadata?.annotations).toEqual(annotations)
  })

  it.each(['roster.dev/retry', 'roster.dev/retries'])(
    'is refused when its callers could not obey it: %s',
    async (key) => {
      await expect(applyWith({ [key]: 'never' })).rejects.toMatchObject({
        code: 3,
        extra: [{ fieldViolations: [{ field: `metadata.annotations[${key}]` }] }, {}],
      })
    },
  )
})
