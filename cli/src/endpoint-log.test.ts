import { EndpointService, type WatchEndpointsResponse } from '@roster/proto'
import { describe, expect, it } from 'vitest'
import { EndpointLog } from './endpoint-log.ts'

const { responseSerialize, responseDeserialize } = EndpointService.watchEndpoints
const of = { namespace: 'shop', service: 'web' }
const endpoint = (id: string, hash: number) => ({ id, pod: id, hash })

/** What a log says of messages, each as `TYPE id` or `EMPTY reason`. */
function eventsOf(...messages: readonly WatchEndpointsResponse[]): readonly string[][] {
  const log = new EndpointLog()
  return messages.map((message) =>
    log
      .read(responseDeserialize(responseSerialize(message)))
      .map((e) => `${e.type} ${e.endpoint?.id ?? e.emptyReason}`),
  )
}

describe('EndpointLog', () => {
  it('tells what came, changed and went', () => {
    expect(
      eventsOf(
        { snapshot: { ...of, endpoints: [endpoint('a', 1), endpoint('b', 2)] } },
        {
          change: { ...of, added: [endpoint('c', 3)], changed: [endpoint('a', 4)], removed: ['b'] },
        },
      ),
    ).toEqual([
      ['ADDED a', 'ADDED b'],
      ['ADDED c', 'CHANGED a', 'REMOVED b'],
    ])
  })

  it('shows a removed endpoint as it was', () => {
    const log = new EndpointLog()
    const read = (m: WatchEndpointsResponse) => log.read(responseDeserialize(responseSerialize(m)))
    read({ snapshot: { ...of, endpoints: [{ ...endpoint('a', 1), nodeName: 'n1' }] } })
    const [removed] = read({ change: { ...of, removed: ['a'] } })
    expect(removed).toMatchObject({ type: 'REMOVED', endpoint: { id: 'a', nodeName: 'n1' } })
  })

  it('tells of a snapshot that comes again only what differs', () => {
    expect(
      eventsOf(
        { snapshot: { ...of, endpoints: [endpoint('a', 1), endpoint('b', 2)] } },
        { snapshot: { ...of, endpoints: [endpoint('a', 1), endpoint('c', 3)] } },
        { snapshot: { ...of, endpoints: [endpoint('a', 1), endpoint('c', 3)] } },
      ).slice(1),
    ).toEqual([['ADDED c', 'REMOVED b'], []])
  })

  it('gives the reason of an empty set, once', () => {
    const none: WatchEndpointsResponse = {
      snapshot: { ...of, emptyReason: 'EMPTY_REASON_NO_SUCH_SERVICE' },
    }
    const zero: WatchEndpointsResponse = {
      change: { ...of, removed: ['a'], emptyReason: 'EMPTY_REASON_SCALED_TO_ZERO' },
    }
    expect(eventsOf(none, none, { change: { ...of, added: [endpoint('a', 1)] } }, zero)).toEqual([
      ['EMPTY EMPTY_REASON_NO_SUCH_SERVICE'],
      [],
      ['ADDED a'],
      ['REMOVED a', 'EMPTY EMPTY_REASON_SCALED_TO_ZERO'],
    ])
  })

  it('keeps services apart, and has nothing to say of bookmarks', () => {
    expect(
      eventsOf(
        { snapshot: { ...of, endpoints: [endpoint('a', 1)] } },
        { snapshot: { ...of, service: 'db', endpoints: [endpoint('a', 1)] } },
        { bookmark: { storeId: 's' } },
      ),
    ).toEqual([['ADDED a'], ['ADDED a'], []])
  })
})
