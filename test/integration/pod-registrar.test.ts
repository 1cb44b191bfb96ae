import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'
import type { Pod } from '@roster/proto'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyOf, PodRegistrar } from '../../agent/src/docker/pod-registrar.ts'
import { type Clients, connect, webPod } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { SdkWorld } from '../support/sdk-world.ts'

let world = new SdkWorld()
let address = ''
let admin: Clients

beforeEach(async () => {
  address = (await world.registry()).address
  admin = connect(address)
})
afterEach(async () => {
  admin.close()
  await world.close()
  world = new SdkWorld()
})

function registrar(ttlMs = 15_000, registry = address): PodRegistrar {
  const log = pino({ level: 'silent' })
  const made = new PodRegistrar({ roster: world.connect(registry), log, ttlMs })
  world.onClose(() => made.close())
  return made
}

const byKey = (pods: readonly Pod[]) => new Map(pods.map((pod) => [keyOf(pod), pod]))
const pod = (name: string, uid = `uid-of-${name}`): Pod => {
  const { metadata, ...rest } = webPod(name)
  return { metadata: { ...metadata, uid }, ...rest }
}
const registered = async () => (await admin.pods.listPods({ namespace: 'demo' })).pods
const names = async () => (await registered()).map(({ metadata }) => metadata?.name)
const statusOf = async (name: string) =>
  (await registered()).find(({ metadata }) => metadata?.name === name)?.status
const haveNames = (...expected: string[]) =>
  eventually(async () => expect(await names()).toEqual(expected))

/** A line to an address, which can be cut as the death of a process does. */
async function lineTo(target: string) {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = dial(Number(target.split(':').at(-1)), '127.0.0.1')
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined))
    near.pipe(far).pipe(near)
  })
  const cut = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  world.onClose(cut)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, cut }
}

/** Registers a pod with a lease that beats on a stream which stays open. */
async function registeredAndBeating(name: string, registry: string): Promise<void> {
  const { leases, pods, close } = connect(registry)
  world.onClose(close)
  const { leaseId } = await leases.grantLease({ ttlMs: 15_000 })
  await pods.registerPod({ pod: pod(name), leaseId })
  async function* beats() {
    yield { leaseId }
    await new Promise(() => {})
  }
  await leases.keepAlive(beats())[Symbol.asyncIterator]().next()
}

describe('a registrar of pods', () => {
  it('registers what is there and takes out what is there no more', async () => {
    const pods = registrar()
    pods.set(byKey([pod('a'), pod('b')]))
    await haveNames('a', 'b')
    pods.set(byKey([pod('b'), pod('c')]))
    await haveNames('b', 'c')
  })

  it('registers more pods than go into one call', async () => {
    const many = Array.from({ length: 250 }, (_, i) => pod(`p${i}`))
    registrar().set(byKey(many))
    await eventually(async () => expect((await names()).length).toBe(250))
  })

  it('lets a pod that is refused keep no other out', async () => {
    registrar().set(byKey([pod('a'), pod('Not_A_Name'), pod('z')]))
    await haveNames('a', 'z')
  })

  it('registers everything anew when its lease is lost', async () => {
    registrar(1_000).set(byKey([pod('a')]))
    await haveNames('a')
    const leaseId = (await registered())[0]?.status?.leaseId ?? ''
    await admin.leases.revokeLease({ leaseId })
    await haveNames('a')
    expect((await registered())[0]?.status?.leaseId).not.toBe(leaseId)
  })

  it('leaves its pods to others when it closes, until the lease has run out', async () => {
    const pods = registrar(1_000)
    pods.set(byKey([pod('a')]))
    await haveNames('a')
    await pods.close()
    expect((await registered())[0]?.status).toMatchObject({ ready: true, disconnected: false })
    await haveNames()
  })

  it('leaves its pods ready when its process dies, which says nothing of theirs', async () => {
    const [line, laterLine] = [await lineTo(address), await lineTo(address)]
    registrar(15_000, line.address).set(byKey([pod('a')]))
    await haveNames('a')
    line.cut()
    await registeredAndBeating('b', laterLine.address)
    laterLine.cut()
    // By now the registry has judged the first line as well.
    await eventually(async () => expect(await statusOf('b')).toMatchObject({ disconnected: true }))
    expect(await statusOf('a')).toMatchObject({ ready: true, disconnected: false })
  })

  it('when it checks takes back a pod that is gone or has another owner', async () => {
    const pods = registrar()
    pods.set(byKey([pod('a'), pod('b')]))
    await haveNames('a', 'b')
    await admin.pods.deregisterPod({ namespace: 'demo', name: 'a' })
    await admin.pods.registerPod({ pod: pod('b', 'other') })
    pods.check()
    await haveNames('a', 'b')
    await eventually(async () =>
      expect((await registered()).map(({ metadata }) => metadata?.uid)).toEqual([
        'uid-of-a',
        'uid-of-b',
      ]),
    )
  })
})
