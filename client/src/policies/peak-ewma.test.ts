import { setImmediate as nextTurn } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import {
  begin,
  callArgs,
  countOf,
  equalEndpoints,
  pickedId,
  readyEndpoint,
  readyEndpoints,
  seededRandom,
} from '../../../test/support/ready-endpoints.ts'
import { PeakEwmaPicker } from './peak-ewma.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'

const CONFIG = { policy: 'peak_ewma', tauMs: 10_000, errorPenaltyMs: 1_000 } as const

interface Answer {
  readonly afterMs: number
  readonly code?: status
}

/** One client on a clock of its own, and endpoints that answer as they are told. */
class Simulation {
  nowMs = 0
  answer: (id: string) => Answer = () => ({ afterMs: 10 })
  readonly #random = seededRandom(7)
  #picker: PeakEwmaPicker
  #underWay: { readonly endMs: number; readonly end: () => void }[] = []

  constructor(ready: readonly ReadyEndpoint[], config: Partial<typeof CONFIG> = {}) {
    this.#picker = this.#pickerFor(ready, config)
  }

  use(ready: readonly ReadyEndpoint[]): void {
    this.#picker = this.#pickerFor(ready)
  }

  /** Makes calls at random moments for so long; which endpoints got them. */
  async run(forMs: number, callsPerSecond = 300): Promise<string[]> {
    const ids: string[] = []
    const untilMs = this.nowMs + forMs
    for (;;) {
      const nextMs = this.nowMs - (Math.log(1 - this.#random()) * 1_000) / callsPerSecond
      if (nextMs >= untilMs) return ids
      this.#endCalls(nextMs)
      this.nowMs = nextMs
      ids.push(this.call())
      // The reservations of a turn end with it.
      await nextTurn()
    }
  }

  /** Picks for so many calls before the first of them begins, as grpc-js does. */
  burst(calls: number): string[] {
    return Array.from({ length: calls }, () => pickedId(this.#picker.pick(callArgs())))
  }

  call(): string {
    const result = this.#picker.pick(callArgs())
    const id = pickedId(result)
    const { afterMs, code } = this.answer(id)
    const end = begin(result)
    // A tenth more or less: or else all would be equal to the last digit.
    const endMs = this.nowMs + afterMs * (0.9 + 0.2 * this.#random())
    this.#underWay.push({ endMs, end: () => end(code) })
    return id
  }

  #endCalls(untilMs: number): void {
    const ended = this.#underWay.filter(({ endMs }) => endMs <= untilMs)
    this.#underWay = this.#underWay.filter(({ endMs }) => endMs > untilMs)
    for (const { endMs, end } of ended.sort((a, b) => a.endMs - b.endMs)) {
      this.nowMs = endMs
      end()
    }
  }

  #pickerFor(ready: readonly ReadyEndpoint[], config: Partial<typeof CONFIG> = {}) {
    const sources = { nowMs: () => this.nowMs, random: this.#random }
    return new PeakEwmaPicker(ready, { ...CONFIG, ...config }, sources)
  }
}

const shareOf = (id: string, ids: readonly string[]) => (countOf(ids).get(id) ?? 0) / ids.length

describe('peak-EWMA', () => {
  it('avoids an endpoint ten times slower', async () => {
    const simulation = new Simulation(equalEndpoints(5))
    simulation.answer = (id) => ({ afterMs: id === 'e0' ? 100 : 10 })
    expect(shareOf('e0', await simulation.run(60_000))).toBeLessThan(0.01)
  })

  it('avoids an endpoint that fails faster than others answer', async () => {
    const simulation = new Simulation(equalEndpoints(5))
    simulation.answer = (id) =>
      id === 'e0' ? { afterMs: 0.5, code: status.INTERNAL } : { afterMs: 10 }
    expect(shareOf('e0', await simulation.run(60_000))).toBeLessThan(0.01)
  })

  it('would run to that endpoint if an error cost nothing', async () => {
    const simulation = new Simulation(equalEndpoints(5), { errorPenaltyMs: 0 as 1_000 })
    simulation.answer = (id) =>
      id === 'e0' ? { afterMs: 0.5, code: status.INTERNAL } : { afterMs: 10 }
    expect(shareOf('e0', await simulation.run(20_000))).toBeGreaterThan(0.3)
  })

  it('comes back to an endpoint that has recovered', async () => {
    const simulation = new Simulation(equalEndpoints(3))
    simulation.answer = (id) =>
      id === 'e0' ? { afterMs: 1, code: status.UNAVAILABLE } : { afterMs: 10 }
    await simulation.run(10_000)
    simulation.answer = () => ({ afterMs: 10 })
    await simulation.run(90_000, 100)
    expect(shareOf('e0', await simulation.run(20_000))).toBeGreaterThan(0.2)
  })

  it('shares calls by weight when all are equally fast', async () => {
    const simulation = new Simulation(readyEndpoints([100, 200, 300]))
    const ids = await simulation.run(40_000)
    const shares = ['e0', 'e1', 'e2'].map((id) => shareOf(id, ids))
    const errors = [1 / 6, 2 / 6, 3 / 6].map((share, i) => Math.abs(share - shares[i]!))
    expect(Math.max(...errors)).toBeLessThan(0.04)
  })

  it('finds out about a newcomer with one call at a time', async () => {
    const known = equalEndpoints(4)
    const simulation = new Simulation(known)
    await simulation.run(5_000)
    simulation.use([...known, readyEndpoint('new')])
    simulation.answer = (id) => ({ afterMs: id === 'new' ? 5_000 : 10 })
    const ids = await simulation.run(3_000)
    expect(countOf(ids).get('new')).toBe(1)
  })

  it('gives an endpoint slow long ago one call to find out, and others when that was answered', async () => {
    const simulation = new Simulation(equalEndpoints(4))
    simulation.answer = (id) => ({ afterMs: id === 'e0' ? 2_000 : 10 })
    await simulation.run(20_000)
    const counts: number[] = []
    for (let minute = 0; minute < 3; minute++) {
      counts.push(countOf(await simulation.run(60_000, 100)).get('e0') ?? 0)
    }
    // 50 s of decay from 2,000 ms to what the others take.
    expect(Math.max(...counts)).toBeLessThanOrEqual(3)
  })

  it('gives few more calls to an endpoint that stands still, though it was the fastest', async () => {
    const simulation = new Simulation(equalEndpoints(4))
    simulation.answer = (id) => ({ afterMs: id === 'e0' ? 10 : 60 })
    await simulation.run(10_000)
    simulation.answer = (id) => ({ afterMs: id === 'e0' ? 1e9 : 60 })
    const ids = await simulation.run(9_000)
    // Six times as many calls under way as elsewhere, were its silence not held against it.
    expect(countOf(ids).get('e0')).toBeLessThan(12)
  })

  it.each([
    ['stands still', 1e9, 9_000, 0.02],
    ['is ten times slower', 100, 30_000, 0.06],
  ])(
    'avoids an endpoint that %s, however little the others weigh',
    async (_, slowMs, forMs, most) => {
      const simulation = new Simulation(readyEndpoints([100, 100, 10, 10]))
      await simulation.run(10_000)
      simulation.answer = (id) => ({ afterMs: id === 'e0' ? slowMs : 10 })
      expect(shareOf('e0', await simulation.run(forMs))).toBeLessThan(most)
    },
  )

  it('spreads calls that are made in one turn of the event loop', async () => {
    const simulation = new Simulation(equalEndpoints(3))
    simulation.answer = (id) => ({ afterMs: id === 'e0' ? 10 : 12 })
    await simulation.run(2_000)
    const counts = countOf(simulation.burst(300))
    const least = Math.min(...['e0', 'e1', 'e2'].map((id) => counts.get(id) ?? 0))
    expect(least).toBeGreaterThan(75)
  })

  it('forgets with the turn the picks that never became calls', async () => {
    const endpoints = equalEndpoints(1)
    const picker = new PeakEwmaPicker(endpoints, CONFIG)
    for (let i = 0; i < 5; i++) picker.pick(callArgs())
    await nextTurn()
    const { inFlight, reserved } = endpoints[0]!.load
    expect([inFlight, reserved]).toEqual([0, 0])
  })

  it.each([
    ['a stream that its caller ended', 30_000, status.CANCELLED],
    ['a stream that ended by itself', 600_000, status.OK],
  ])('learns no latency from %s', (_, lastedMs, code) => {
    const endpoints = equalEndpoints(1)
    let nowMs = 0
    const picker = new PeakEwmaPicker(endpoints, CONFIG, {
      nowMs: () => nowMs,
      random: Math.random,
    })
    const call = (forMs: number, ended: status) => {
      const end = begin(picker.pick(callArgs()))
      nowMs += forMs
      end(ended)
    }
    for (let i = 0; i < 6; i++) call(5, status.OK)
    call(lastedMs, code)
    expect(endpoints[0]!.load.ewmaMs(nowMs)).toBeLessThan(5.1)
  })

  it.each([
    ['a lot from a caller that lost patience when nobody was answered', 2_000],
    ['nothing from a caller that lost patience when another was answered', 5],
  ])('learns %s', (_, expectedMs) => {
    const endpoints = equalEndpoints(1)
    let nowMs = 0
    const picker = new PeakEwmaPicker(endpoints, CONFIG, {
      nowMs: () => nowMs,
      random: Math.random,
    })
    const start = () => begin(picker.pick(callArgs()))
    const answer = () => {
      const end = start()
      nowMs += 5
      end(status.OK)
    }
    for (let i = 0; i < 6; i++) answer()
    const giveUp = start()
    nowMs += 1_995
    if (expectedMs === 5) answer()
    else nowMs += 5
    giveUp(status.CANCELLED)
    expect(endpoints[0]!.load.ewmaMs(nowMs)).toBeCloseTo(expectedMs)
  })

  it('learns from a hedge that lost', () => {
    const endpoints = equalEndpoints(1)
    let nowMs = 0
    const picker = new PeakEwmaPicker(endpoints, CONFIG, {
      nowMs: () => nowMs,
      random: Math.random,
    })
    const call = (forMs: number, ended: status) => {
      const end = begin(picker.pick(callArgs()))
      nowMs += forMs
      end(ended)
    }
    for (let i = 0; i < 6; i++) call(5, status.OK)
    call(100, status.CANCELLED)
    expect(endpoints[0]!.load.ewmaMs(nowMs)).toBe(100)
  })
})
