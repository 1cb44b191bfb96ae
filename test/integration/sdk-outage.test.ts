import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { echo, echoMany } from '../support/echo-backend.ts'
import { applyEcho, podOf, SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

describe('a registry that restarts', () => {
  it('fails no call and loses no pod', async () => {
    const file = await world.file()
    const first = await world.registry({ file })
    const { address } = first
    const events: string[] = []
    const roster = world.connect(address, { onEvent: ({ type }) => events.push(type) })
    await applyEcho(roster)
    const pods = await Promise.all(['a', 'b', 'c'].map((name) => world.pod(address, name)))
    const client = world.client(roster)
    await echo(client)
    await first.stop()
    await vi.waitFor(() => expect(events).toContain('watch_broken'))
    const whileAway = await echoMany(client, 60)
    events.length = 0
    await world.registry({ file, address })
    const whileBack = await echoMany(client, 60)
    await vi.waitFor(() => expect(events).toContain('watching'), { timeout: 10_000 })
    const afterwards = await echoMany(client, 60)
    const { pods: known } = await roster.pods.listPods({ namespace: 'demo' })
    expect([whileAway, whileBack, afterwards].map(({ errors }) => errors)).toEqual([[], [], []])
    // Not who answered: by peak_ewma a few calls in a row may all have a faster pod to go to.
    const inUse = roster.stats('roster:///demo/echo').filter(({ ready }) => ready)
    expect(inUse.map(({ pod }) => pod).sort()).toEqual(['a', 'b', 'c'])
    expect(known.map(({ metadata }) => metadata?.uid).sort()).toEqual(
      pods.map(({ registration }) => registration.uid).sort(),
    )
  })

  it('is told of what changed in the meantime', async () => {
    const file = await world.file()
    const first = await world.registry({ file })
    const { address } = first
    const roster = world.connect(address)
    await applyEcho(roster)
    const { registration } = await world.pod(address, 'a')
    await first.stop()
    await registration.setReady(false)
    await world.registry({ file, address })
    await vi.waitFor(
      async () => {
        const { pod } = await roster.pods.getPod({ namespace: 'demo', name: 'a' })
        expect(pod?.status?.ready).toBe(false)
      },
      { timeout: 10_000 },
    )
  })

  it('with nothing left gets every pod again, under its old identity', async () => {
    const first = await world.registry()
    const { address } = first
    const own = world.connect(address)
    const registrations = await Promise.all(
      ['a', 'b'].map(async (name) => own.register(podOf(await world.backend(name)))),
    )
    await Promise.all(registrations.map(({ ready }) => ready))
    await first.stop()
    await world.registry({ address })
    const roster = world.connect(address)
    await vi.waitFor(
      async () => {
        const { pods } = await roster.pods.listPods({ namespace: 'demo' })
        expect(pods.map(({ metadata }) => metadata?.uid).sort()).toEqual(
          registrations.map(({ uid }) => uid).sort(),
        )
      },
      { timeout: 10_000 },
    )
  })
})

describe('a lease that is lost', () => {
  it('is replaced, and its pods registered anew', async () => {
    const { address } = await world.registry()
    const roster = world.connect(address)
    await applyEcho(roster)
    const events: string[] = []
    const own = world.connect(address, {
      leaseTtlMs: 1_000,
      onEvent: ({ type }) => events.push(type),
    })
    const registration = own.register(podOf(await world.backend('a')))
    await registration.ready
    const { pod: before } = await roster.pods.getPod({ namespace: 'demo', name: 'a' })
    await roster.leases.revokeLease({ leaseId: before?.status?.leaseId ?? '' })
    await vi.waitFor(() => expect(events.filter((type) => type === 'registered').length).toBe(2), {
      timeout: 10_000,
    })
    const { pod } = await roster.pods.getPod({ namespace: 'demo', name: 'a' })
    expect(events).toContain('lease_lost')
    expect(pod?.metadata?.uid).toBe(registration.uid)
    expect(pod?.status?.leaseId).not.toBe(before?.status?.leaseId)
  })
})

describe('a registry that is not there', () => {
  it('fails a call at once, and is named', async () => {
    const { address, stop } = await world.registry()
    await stop()
    const client = world.client(world.connect(address))
    await expect(echo(client)).rejects.toThrow(
      new RegExp(`UNAVAILABLE: nothing is known of demo/echo: registry ${address}`),
    )
  })

  it('is found when it comes', async () => {
    const first = await world.registry()
    const { address } = first
    await first.stop()
    const client = world.client(world.connect(address))
    await echo(client).catch(() => {})
    await world.registry({ address })
    const roster = world.connect(address)
    await applyEcho(roster)
    await world.pod(address, 'a')
    await vi.waitFor(async () => expect(await echo(client)).toBe('a'), { timeout: 10_000 })
  })
})
