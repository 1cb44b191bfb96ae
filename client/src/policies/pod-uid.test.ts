import * as grpc from '@grpc/grpc-js'
import { afterEach, expect, it } from 'vitest'
import { type Backend, echo, startBackend } from '../../../test/support/echo-backend.ts'
import { endpointAt } from '../../../test/support/hand-fed-source.ts'
import { PushedChannel } from '../../../test/support/pushed-channel.ts'
import { POD_UID_HEADER, podUidOf } from './pod-uid.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

/** A channel to backends, as pods with uid `uid-of-NAME` unless `own` says else. */
async function channelTo(names: readonly string[], own: { pod?: string; id?: string } = {}) {
  const backends = await Promise.all(names.map((name) => startBackend(name)))
  const channel = new PushedChannel({ attempts: 4 })
  channel.push(
    backends.map((backend) =>
      endpointAt(backend, { id: `${backend.name}/uid-of-${backend.name}`, ...own }),
    ),
  )
  for (const { kill } of backends) opened.push(kill)
  opened.push(() => channel.close())
  return { backends, client: channel.client }
}

/** The uids the calls to a backend brought, from now on. */
function uidsAt(backend: Backend): unknown[] {
  const seen: unknown[] = []
  backend.onMetadata = (metadata) => seen.push(metadata.get(POD_UID_HEADER))
  return seen
}

it('a call says which pod it is meant for', async () => {
  const { backends, client } = await channelTo(['a'])
  const seen = uidsAt(backends[0]!)
  await echo(client)
  expect(seen).toEqual([['uid-of-a']])
})

it('a retry says which pod it goes to now', async () => {
  const { backends, client } = await channelTo(['a', 'b'])
  const seen = backends.map(uidsAt)
  let isFirst = true
  for (const backend of backends) {
    backend.beforeAnswer = () => {
      if (!isFirst) return
      isFirst = false
      throw Object.assign(new Error('foreign'), { code: grpc.status.UNAVAILABLE })
    }
  }
  await echo(client)
  expect(seen).toEqual([[['uid-of-a']], [['uid-of-b']]])
})

it('an endpoint written by hand is told nothing, not even what the caller was told', async () => {
  const { backends, client } = await channelTo(['a'], { pod: '', id: '127.0.0.1' })
  const seen = uidsAt(backends[0]!)
  await echo(client, { headers: { [POD_UID_HEADER]: 'uid-of-the-caller' } })
  expect(seen).toEqual([[]])
})

it('the uid is what follows the name of the pod', () => {
  expect([
    podUidOf({ pod: 'web-1', id: 'web-1/0f3b' }),
    podUidOf({ pod: 'web-1', id: 'web-1' }),
    podUidOf({ pod: '', id: '10.0.0.1' }),
  ]).toEqual(['0f3b', undefined, undefined])
})

it.each(['ü', 'line\nbreak', ' space before', ''])(
  'a pod whose uid no header can carry is called without it: %j',
  async (uid) => {
    const { backends, client } = await channelTo(['a'], { id: `a/${uid}` })
    const seen = uidsAt(backends[0]!)
    await echo(client)
    expect(seen).toEqual([[]])
  },
)
