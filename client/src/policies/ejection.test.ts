import { status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Ejection } from './ejection.ts'
import { type EjectionConfig, parseEjection } from './ejection-config.ts'
import { EndpointLoad } from './endpoint-load.ts'

/** An endpoint whose calls the test ends. */
class Host {
  readonly id: string
  readonly load: EndpointLoad
  isReady = true

  constructor(id: string, ejection: () => Ejection<Host>) {
    this.id = id
    this.load = new EndpointLoad((inARow) => ejection().callFailed(this, inARow))
  }

  end(calls: number, code = status.OK): void {
    for (let i = 0; i < calls; i++) {
      this.load.onCallStarted()
      this.load.onCallEnded(code)
    }
  }
}

let hosts: Host[]
let ejection: Ejection<Host>
let told: string[]

beforeEach(() => {
  vi.useFakeTimers()
  told = []
  hosts = ['a', 'b', 'c', 'd'].map((id) => new Host(id, () => ejection))
  ejection = new Ejection<Host>({
    hosts: () => hosts,
    onEjected: ({ id }, reason, forMs) => told.push(`${id} out for ${forMs} ms: ${reason}`),
    onReturned: (returned) => told.push(`${returned.map(({ id }) => id)} back`),
    random: () => 0,
  })
})
afterEach(() => {
  ejection.stop()
  vi.useRealTimers()
})

const start = (json: object = {}): EjectionConfig => {
  const config = parseEjection(json)!
  ejection.start(config)
  return config
}

/** Lets the event loop turn once. */
const turn = () => vi.advanceTimersByTime(0)

describe('calls that fail in a row', () => {
  it('eject at the fifth, without waiting for the interval', () => {
    start()
    hosts[0]!.end(5, status.UNAVAILABLE)
    turn()
    expect(told).toEqual(['a out for 30000 ms: 5 calls in a row failed'])
  })

  it('do not eject when one in between is answered', () => {
    start()
    hosts[0]!.end(4, status.DEADLINE_EXCEEDED)
    hosts[0]!.end(1, status.NOT_FOUND)
    hosts[0]!.end(4, status.DEADLINE_EXCEEDED)
    turn()
    expect(told).toEqual([])
  })

  it('eject although calls in between were cancelled', () => {
    start()
    hosts[0]!.end(3, status.UNAVAILABLE)
    hosts[0]!.end(3, status.CANCELLED)
    hosts[0]!.end(2, status.UNAVAILABLE)
    turn()
    expect(told).toHaveLength(1)
  })

  it('do not eject when it was the connection that broke', () => {
    start()
    hosts[0]!.end(20, status.UNAVAILABLE)
    hosts[0]!.isReady = false
    turn()
    hosts[0]!.isReady = true
    hosts[0]!.end(4, status.UNAVAILABLE)
    turn()
    expect(told).toEqual([])
  })

  it('do not eject the only endpoint that stands', () => {
    start()
    for (const host of hosts.slice(1)) host.isReady = false
    hosts[0]!.end(5, status.UNAVAILABLE)
    turn()
    expect(told).toEqual([])
  })

  it('eject never when the limit is 0', () => {
    start({ consecutiveFailures: 0 })
    hosts[0]!.end(50, status.UNAVAILABLE)
    turn()
    expect(told).toEqual([])
  })
})

describe('an interval', () => {
  it('ends with the ejection of those whose calls failed', () => {
    start()
    hosts[0]!.end(10, status.INTERNAL)
    hosts[1]!.end(10)
    vi.advanceTimersByTime(10_000)
    expect(told).toEqual(['a out for 30000 ms: 10 of 10 calls failed'])
  })

  it('counts only its own calls', () => {
    start()
    hosts[0]!.end(10)
    hosts[1]!.end(10)
    vi.advanceTimersByTime(10_000)
    hosts[0]!.end(9, status.INTERNAL)
    hosts[1]!.end(10)
    vi.advanceTimersByTime(10_000)
    expect(told).toEqual([])
  })
})

describe('an ejected endpoint', () => {
  const fail = (host = hosts[0]!) => {
    host.end(5, status.UNAVAILABLE)
    turn()
  }

  it('comes back when its time is over', () => {
    start({ baseEjectionMs: 2_000 })
    fail()
    vi.advanceTimersByTime(1_999)
    expect(ejection.ejectedUntilMs(hosts[0]!)).toBeDefined()
    vi.advanceTimersByTime(1)
    expect(told.at(-1)).toBe('a back')
    expect(ejection.ejectedUntilMs(hosts[0]!)).toBeUndefined()
  })

  it('is out longer each time, up to the limit', () => {
    start({ baseEjectionMs: 1_000, maxEjectionMs: 2_500, intervalMs: 1e6 })
    for (let i = 0; i < 4; i++) {
      fail()
      vi.advanceTimersByTime(3_000)
    }
    const lengths = told.flatMap((line) => /for (\d+) ms/.exec(line)?.[1] ?? [])
    expect(lengths).toEqual(['1000', '2000', '2500', '2500'])
  })

  it('is forgiven one ejection for each interval it behaves', () => {
    start({ baseEjectionMs: 1_000, intervalMs: 10_000 })
    fail()
    vi.advanceTimersByTime(1_000)
    fail()
    vi.advanceTimersByTime(30_000)
    fail()
    expect(told.filter((line) => line.includes('out'))).toEqual([
      'a out for 1000 ms: 5 calls in a row failed',
      'a out for 2000 ms: 5 calls in a row failed',
      'a out for 1000 ms: 5 calls in a row failed',
    ])
  })

  it('is not ejected again for what it did before', () => {
    start({ baseEjectionMs: 9_000, intervalMs: 10_000 })
    hosts[1]!.end(20)
    hosts[0]!.end(20, status.UNAVAILABLE)
    turn()
    vi.advanceTimersByTime(60_000)
    expect(told).toEqual(['a out for 9000 ms: 20 calls in a row failed', 'a back'])
  })

  it('stays out up to a tenth longer, by chance', () => {
    ejection = new Ejection<Host>({
      hosts: () => hosts,
      onEjected: (_, __, forMs) => told.push(`${forMs}`),
      onReturned: () => {},
      random: () => 0.5,
    })
    start({ baseEjectionMs: 1_000 })
    fail()
    expect(told).toEqual(['1050'])
  })

  it('is out no more when ejection is turned off', () => {
    start()
    fail()
    ejection.start(undefined)
    expect(ejection.ejectedUntilMs(hosts[0]!)).toBeUndefined()
  })
})

it('a stopped ejection has no timer', () => {
  start()
  ejection.stop()
  expect(vi.getTimerCount()).toBe(0)
})
