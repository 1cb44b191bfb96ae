import { describe, expect, it } from 'vitest'
import { endpointAt, HandFedSource } from '../../test/support/hand-fed-source.ts'
import { waitForEndpoints } from './endpoint-view.ts'

const target = { registry: '', namespace: 'shop', service: 'web' }

describe('a target', () => {
  it('is ready as soon as it has an endpoint', async () => {
    const source = new HandFedSource()
    const ready = waitForEndpoints(source, target)
    source.feed([])
    source.feed([endpointAt({ name: 'a', port: 1 })])
    await expect(ready).resolves.toBeUndefined()
    expect(source.subscribers).toBe(0)
  })

  it('is ready at once when it has been', async () => {
    const source = new HandFedSource()
    source.feed([endpointAt({ name: 'a', port: 1 })])
    await expect(waitForEndpoints(source, target)).resolves.toBeUndefined()
  })

  it('that is not ready in time says what is missing', async () => {
    const source = new HandFedSource()
    source.feed([endpointAt({ name: 'a', port: 1 })])
    const ready = waitForEndpoints(source, { ...target, port: 'http' }, { timeoutMs: 20 })
    await expect(ready).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message:
        'not ready after 20 ms: service shop/web has no TCP port http: its ports are grpc (1)',
    })
    expect(source.subscribers).toBe(0)
  })

  it('is not waited for any longer when the caller gives up', async () => {
    const source = new HandFedSource()
    const caller = new AbortController()
    const ready = waitForEndpoints(source, target, { signal: caller.signal })
    caller.abort()
    await expect(ready).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(source.subscribers).toBe(0)
  })

  it('is not waited for when the caller has given up before', async () => {
    const ready = waitForEndpoints(new HandFedSource(), target, { signal: AbortSignal.abort() })
    await expect(ready).rejects.toMatchObject({
      code: 'CANCELLED',
      message: 'not ready yet: registry hand-fed:1 has not answered',
    })
  })
})
