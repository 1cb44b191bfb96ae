import { describe, expect, it } from 'vitest'
import { Tally } from '../../examples/src/demo/tally.ts'
import { type Phase, problemsOf, reportOf } from '../../examples/src/demo/verdict.ts'

const tally = (perPod: Record<string, number>, errors: readonly string[] = []): Tally => {
  const counted = new Tally()
  for (const [pod, calls] of Object.entries(perPod)) {
    for (let call = 0; call < calls; call += 1) {
      counted.answer(pod)
    }
  }
  for (const error of errors) {
    counted.fail(new Error(error))
  }
  return counted
}

const phase = (parts: Partial<Phase>): Phase => ({
  name: 'three pods',
  ready: ['a', 'b'],
  moving: tally({}),
  steady: tally({ a: 10, b: 10 }),
  ...parts,
})

describe('the verdict of the demo', () => {
  it('has nothing to say when no call failed and every pod got some', () => {
    expect(problemsOf([phase({ steady: tally({ a: 100, b: 1 }) })])).toEqual([])
  })

  it('names a ready pod that got none', () => {
    expect(problemsOf([phase({ steady: tally({ a: 20 }) })])).toEqual([
      'three pods: b is ready and answered no call',
    ])
  })

  it('does not take silence for fairness', () => {
    expect(problemsOf([phase({ steady: tally({}) })])).toHaveLength(2)
  })

  it('counts a failed call against the demo while pods come and go, too', () => {
    expect(problemsOf([phase({ moving: tally({ a: 1 }, ['gone', 'gone']) })])).toEqual([
      'three pods: 2 calls failed, 0 may: 2x gone',
    ])
  })

  it('forgives as many failed calls as were under way when a pod stood still', () => {
    const frozen = { inFlight: { atPod: 1, inAll: 2 }, moving: tally({}, ['late', 'late']) }
    expect(problemsOf([phase(frozen)])).toEqual([])
  })

  it('forgives no more than that', () => {
    const frozen = { inFlight: { atPod: 1, inAll: 1 }, moving: tally({}, ['late', 'late']) }
    expect(problemsOf([phase(frozen)])).toEqual(['three pods: 2 calls failed, 1 may: 2x late'])
  })

  it('names a pod that answered after it should have been gone', () => {
    expect(problemsOf([phase({ steady: tally({ a: 10, b: 10, c: 1 }) })])).toEqual([
      'three pods: c answered calls and should get none',
    ])
  })

  it('lets a slow pod have a twentieth of the calls', () => {
    expect(problemsOf([phase({ slow: 'b', steady: tally({ a: 95, b: 5 }) })])).toEqual([])
  })

  it('names a slow pod that got more', () => {
    expect(problemsOf([phase({ slow: 'b', steady: tally({ a: 94, b: 6 }) })])).toEqual([
      'three pods: b is slow and answered 6 of 100 calls',
    ])
  })

  it('does not ask a slow pod for answers', () => {
    expect(problemsOf([phase({ slow: 'b', steady: tally({ a: 10 }) })])).toEqual([])
  })
})

describe('the report of the demo', () => {
  it('has an entry for a ready pod that answered no call', () => {
    expect(reportOf([phase({ steady: tally({ a: 3 }) })]).phases[0]?.perPod).toEqual({ a: 3, b: 0 })
  })

  it('adds up the failed calls of all phases and their parts', () => {
    const phases = [
      phase({ moving: tally({}, ['x']), steady: tally({ a: 1 }, ['y']) }),
      phase({ steady: tally({ a: 1 }, ['z']) }),
    ]
    expect(reportOf(phases)).toMatchObject({ phases: [{ failed: 2 }, { failed: 1 }], failed: 3 })
  })
})
