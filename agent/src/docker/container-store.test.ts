import { describe, expect, it } from 'vitest'
import { ContainerStore } from './container-store.ts'
import type { Container, EngineEvent } from './engine.ts'

const STARTED_AT = '2026-01-02T03:04:05Z'

const container = (own: { readonly StartedAt?: string; readonly StopSignal?: string } = {}) =>
  ({
    Id: 'c1',
    State: { Status: 'running', ExitCode: 0, StartedAt: own.StartedAt ?? STARTED_AT },
    Config: { Labels: null, ...(own.StopSignal && { StopSignal: own.StopSignal }) },
  }) as Container

const event = (action: string, attributes: Readonly<Record<string, string>> = {}): EngineEvent => ({
  Type: 'container',
  Action: action,
  Actor: { ID: 'c1', Attributes: attributes },
  timeNano: (Date.parse(STARTED_AT) + 1_000) * 1e6,
})

/** Whether a container is terminating after a signal. */
function isTerminating(signal: string, StopSignal?: string): boolean {
  const store = new ContainerStore()
  const own = container(StopSignal === undefined ? {} : { StopSignal })
  store.put('c1', own)
  store.read(event('kill', { signal }))
  return store.isTerminating(own)
}

describe('a container that is sent a signal', () => {
  it.each([
    ['15', undefined, true],
    ['2', undefined, true],
    ['3', undefined, true],
    ['1', undefined, false],
    ['10', undefined, false],
    ['28', 'SIGWINCH', true],
    ['28', 'WINCH', true],
    ['28', '28', true],
    ['37', 'SIGRTMIN+3', true],
    ['34', 'RTMIN', true],
    ['10', 'SIGRTMIN+3', false],
  ])('%s, where the stop signal is %s, is about to end: %s', (signal, stopSignal, expected) => {
    expect(isTerminating(signal, stopSignal)).toBe(expected)
  })

  it('and has been started again since is not about to end', () => {
    const store = new ContainerStore()
    store.put('c1', container())
    store.read(event('kill', { signal: '15' }))
    expect(store.isTerminating(container({ StartedAt: '2026-01-02T03:04:07Z' }))).toBe(false)
  })

  it('before it was seen for the first time is about to end', () => {
    const store = new ContainerStore()
    store.read(event('kill', { signal: '15' }))
    expect(store.isTerminating(container())).toBe(true)
  })
})

describe('an event', () => {
  it.each(['start', 'die', 'health_status: healthy', 'rename', 'destroy'])(
    '%s tells of its container',
    (action) => {
      expect(new ContainerStore().read(event(action))).toBe('c1')
    },
  )

  it.each(['exec_start: /bin/sh', 'exec_die', 'create', 'attach', 'resize', 'top'])(
    '%s tells of nothing',
    (action) => {
      expect(new ContainerStore().read(event(action))).toBeUndefined()
    },
  )

  it('of a network tells of the container that joined it', () => {
    const joined = { ...event('connect', { container: 'c2' }), Type: 'network' }
    expect(new ContainerStore().read(joined)).toBe('c2')
  })
})
