import { describe, expect, it } from 'vitest'
import { Tally } from '../../examples/src/demo/tally.ts'
import { type Phase, problemsOf, reportOf } from '../../examples/src/demo/verdict.ts'

const tally = (perPod: Record<string, number>, errors: readonly string[] = []): Tally => {
  const counted = new Tally()
  for (const [pod, calls] of Object.entries(perPod)) {
    for (let call = 0; call < calls; call += 1) {
      counted.start()
      counted.answer(pod)
    }
  }
  for (const error of errors) {
    counted.start()
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
  it('has nothing to say when no call failed and the shares are even', () => {
    expect(problemsOf([phase({})])).toEqual([])
  })

  it('lets a pod get away with exactly half of the even share', () => {
    expect(problemsOf([phase({ steady: tally({ a: 15, b: 5 }) })])).toEqual([])
  })

  it('names a pod that got less than half of the even share', () => {
    expect(problemsOf([phase({ steady: tally({ a: 16, b: 4 }) })])).toEqual([
      'three pods: b answered 4 calls, less than half of the even share of 10',
    ])
  })

  it('does not take silence for evenness', () => {
    expect(problemsOf([phase({ steady: tally({}) })])).toHaveLength(2)
  })

  it('counts a failed call against the demo while pods come and go, too', () => {
    expect(problemsOf([phase({ moving: tally({ a: 1 }, ['gone', 'gone']) })])).toEqual([
      'three pods: 2 calls failed: 2x gone',
    ])
  })

  it('names a pod that answered after it should have been gone', () => {
    expect(problemsOf([phase({ steady: tally({ a: 10, b: 10, c: 1 }) })])).toEqual([
      'three pods: c answered calls and is no longer ready',
    ])
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
