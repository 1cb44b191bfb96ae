import { afterEach, expect, it } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { UdpSession } from './udp-session.ts'
import { UdpSessions } from './udp-sessions.ts'

let closed: string[] = []
let sessions: UdpSessions

const add = (key: string) => {
  // Sockets close a little later: those of the test before must not count for the next.
  const own = closed
  const backend = { endpointId: 'a', address: '127.0.0.1', port: 9, weight: 1, terminating: false }
  const events = { onReply: () => {}, onRefused: () => {}, onClosed: () => own.push(key) }
  sessions.add(key, new UdpSession(backend, events))
}

afterEach(() => {
  for (const key of ['x', 'y', 'z']) sessions.drop(key)
  closed = []
})

it('the session idle for longest goes when there are too many', async () => {
  sessions = new UdpSessions({ maxSessions: 2 })
  add('x')
  add('y')
  sessions.use('x')
  add('z')
  await eventually(() => expect(closed).toEqual(['y']))
  expect(sessions.size).toBe(2)
})

it('a session goes when it has been idle for long enough', async () => {
  sessions = new UdpSessions({ idleMs: 40 })
  add('x')
  await eventually(() => expect(closed).toEqual(['x']))
  expect(sessions.size).toBe(0)
})

it('a session that is used stays', async () => {
  sessions = new UdpSessions({ idleMs: 400 })
  add('x')
  add('y')
  await eventually(() => {
    sessions.use('x')
    return closed.length > 0
  })
  expect(closed).toEqual(['y'])
})
