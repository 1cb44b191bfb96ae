import { pino } from 'pino'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { freePort, hanging, type Listener } from '../../../test/support/listeners.ts'
import { Commits } from '../registry/commits.ts'
import { Pods } from '../registry/pods.ts'
import { Protection } from '../registry/protection.ts'
import { View } from '../registry/view.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import { Probing } from './probing.ts'

const TIMERS = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const
const cause = { actor: 'test', reason: 'test' }
let server: Listener

beforeEach(async () => {
  server = await hanging()
})
afterEach(async () => {
  vi.useRealTimers()
  await server.close()
})

/** The rooms a probing works with, over a store of their own. */
function startRooms() {
  const store = openSqliteStore({ file: ':memory:' })
  const view = new View()
  const following = new AbortController()
  const followed = view.follow(store, following.signal)
  const commits = new Commits(store, view)
  const log = pino({ level: 'silent' })
  const protection = new Protection(view)
  const probing = new Probing({ view, commits, protection, log, dialBack: true })
  const stop = async () => {
    probing.stop()
    following.abort()
    await followed
    await store.close()
  }
  return { view, pods: new Pods(view, commits), probing, stop }
}

const probed = (name: string, port: number) => ({
  metadata: { name },
  spec: {
    ports: [{ containerPort: port }],
    readinessProbe: { tcpSocket: { port: String(port) } },
  },
  status: { podIPs: ['127.0.0.1'] },
})

it('leaves no timer and no connection when it stops', async () => {
  vi.useFakeTimers({ toFake: [...TIMERS] })
  const { pods, probing, stop } = startRooms()
  const hung = { httpGet: { port: String(server.port) }, timeoutSeconds: 1000 }
  const pod = probed('p', server.port)
  await pods.register(
    [{ ...pod, spec: { ...pod.spec, readinessProbe: hung } }, probed('q', server.port)],
    '',
    cause,
  )
  probing.held('no-such-lease')
  await vi.advanceTimersByTimeAsync(1000)
  expect(vi.getTimerCount()).toBeGreaterThan(1)
  await stop()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
  await eventually(() => server.open.size === 0)
})

it('sees a pod that is registered again and again as one to dial, at its last address', async () => {
  const { pods, probing, stop } = startRooms()
  const refused = await freePort()
  for (const port of [refused, refused, server.port]) {
    await pods.register(
      [{ ...probed('p', port), spec: { ports: [{ containerPort: port }] } }],
      '',
      cause,
    )
  }
  await eventually(() => probing.reachable('default/p')?.status === 'True')
  await stop()
})

it('does not dial a pod again that registers as it is', async () => {
  const { pods, probing, stop } = startRooms()
  const pod = probed('p', server.port)
  const same = { ...pod, metadata: { name: 'p', uid: 'u' } }
  await pods.register([same], '', cause)
  await eventually(() => probing.reachable('default/p') !== undefined)
  const found = probing.reachable('default/p')
  await pods.register([same], '', cause)
  expect(probing.reachable('default/p')).toBe(found)
  await stop()
})

it('knows nothing of a pod that is gone', async () => {
  const { pods, probing, stop } = startRooms()
  await pods.register([probed('p', server.port)], '', cause)
  await eventually(() => probing.reachable('default/p') !== undefined)
  await pods.deregister('default/p', { uid: '', leaseId: '' }, cause)
  expect(probing.reachable('default/p')).toBeUndefined()
  await stop()
})
