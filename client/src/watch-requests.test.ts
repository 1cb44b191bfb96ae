import { describe, expect, it } from 'vitest'
import { WatchRequests } from './watch-requests.ts'

const web = { namespace: 'shop', service: 'web' }
const cart = { namespace: 'shop', service: 'cart' }

async function take(requests: WatchRequests, count: number) {
  const iterator = requests[Symbol.asyncIterator]()
  const taken = []
  for (let i = 0; i < count; i++) taken.push((await iterator.next()).value)
  return taken
}

describe('the requests of a watcher', () => {
  it('keep only the last word on each service', async () => {
    const requests = new WatchRequests('me')
    requests.subscribe(web)
    requests.subscribe(cart)
    requests.unsubscribe(web)
    expect(await take(requests, 2)).toEqual([
      { client: 'me', unsubscribe: web },
      { client: 'me', subscribe: cart },
    ])
  })

  it('acknowledge only the greatest revision of a turn', async () => {
    const requests = new WatchRequests('me')
    requests.ack(3)
    requests.ack(5)
    requests.ack(4)
    expect(await take(requests, 1)).toEqual([{ ack: { revision: 5 } }])
  })

  it('wake a stream that waits', async () => {
    const requests = new WatchRequests('me')
    const next = take(requests, 1)
    requests.subscribe(web)
    expect(await next).toEqual([{ client: 'me', subscribe: web }])
  })

  it('end', async () => {
    const requests = new WatchRequests('me')
    const next = requests[Symbol.asyncIterator]().next()
    requests.end()
    expect((await next).done).toBe(true)
  })
})
