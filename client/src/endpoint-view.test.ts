import { describe, expect, it } from 'vitest'
import { endpointAt, HandFedSource } from '../../test/support/hand-fed-source.ts'
import { endpointView, waitForEndpoints } from './endpoint-view.ts'

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

  it('is not waited for any longer when the connection is closed', async () => {
    const source = new HandFedSource()
    const ready = waitForEndpoints(source, target)
    source.close()
    await expect(ready).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
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

describe('a watch', () => {
  const sets = (source: HandFedSource, signal?: AbortSignal) =>
    endpointView(source, target).watch(signal)[Symbol.asyncIterator]()

  it.each([
    ['the connection is closed', (source: HandFedSource) => source.close()],
    ['its signal aborts', (_: HandFedSource, caller: AbortController) => caller.abort()],
  ])('ends when %s while it waits', async (_, end) => {
    const [source, caller] = [new HandFedSource(), new AbortController()]
    const next = sets(source, caller.signal).next()
    end(source, caller)
    expect(await next).toEqual({ done: true, value: undefined })
    expect(source.subscribers).toBe(0)
  })

  it('ends when it is returned from while it waits', async () => {
    const source = new HandFedSource()
    const iterator = sets(source)
    const next = iterator.next()
    await iterator.return?.()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(source.subscribers).toBe(0)
  })

  it('of a closed connection is refused', () => {
    const source = new HandFedSource()
    source.close()
    expect(() => sets(source)).toThrow('the connection is closed')
  })
})
