import { describe, expect, it } from 'vitest'
import { admitPod, type PodInput } from './pod-admission.ts'
import { isProven, type PodCondition, type Probed, probedCondition } from './probed.ts'

const fresh = { uid: 'u1', now: '2026-01-02T03:04:05.000Z', leaseId: '' }
const podWith = (readinessProbe?: NonNullable<PodInput['spec']>['readinessProbe']) =>
  admitPod({ metadata: { name: 'p' }, spec: { readinessProbe } }, undefined, fresh)

const probe = { tcpSocket: { port: '80' } }
const pod = podWith(probe)
const condition = (status: PodCondition['status']): PodCondition => ({
  type: 'Probed',
  status,
  reason: 'Why',
  message: '',
  lastTransitionTime: fresh.now,
})
const mark = (status: PodCondition['status'], more: Partial<Probed> = {}): Probed => ({
  uid: 'u1',
  probe: structuredClone(pod.spec.readinessProbe!),
  condition: condition(status),
  ...more,
})

describe('a pod', () => {
  it('without probe is proven, whatever mark is left', () => {
    expect(isProven(podWith(), undefined)).toBe(true)
    expect(isProven(podWith(), mark('False'))).toBe(true)
    expect(probedCondition(podWith(), mark('False'))).toBeUndefined()
  })

  it('with a probe is not proven before the first decision', () => {
    expect(isProven(pod, undefined)).toBe(false)
    expect(probedCondition(pod, undefined)).toMatchObject({
      type: 'Probed',
      status: 'Unknown',
      reason: 'NotYetDecided',
    })
  })

  it.each([
    ['True', true],
    ['False', false],
  ] as const)('is proven as its mark says: %s', (status, proven) => {
    expect(isProven(pod, mark(status))).toBe(proven)
    expect(probedCondition(pod, mark(status))).toEqual(condition(status))
  })

  it('is not proven by the mark of another life', () => {
    expect(isProven(pod, mark('True', { uid: 'u0' }))).toBe(false)
  })

  it('is not proven by the mark of another probe', () => {
    const other = podWith({ ...probe, periodSeconds: 5 }).spec.readinessProbe!
    expect(isProven(pod, mark('True', { probe: other }))).toBe(false)
  })
})
