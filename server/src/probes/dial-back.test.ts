import { pino } from 'pino'
import { expect, it } from 'vitest'
import { admitPod } from '../model/pod-admission.ts'
import { PodEntry } from '../registry/pod-entry.ts'
import { DialBack } from './dial-back.ts'

it('gives pods up, and says so once, when ten thousand wait', () => {
  const lines: string[] = []
  const dialBack = new DialBack(pino({}, { write: (line) => lines.push(line) }))
  for (let i = 0; i < 10_010; i++) {
    const input = {
      metadata: { name: `p-${i}` },
      spec: { ports: [{ containerPort: 1 }] },
      status: { podIPs: ['127.0.0.1'] },
    }
    const object = admitPod(input, undefined, { uid: `${i}`, now: '', leaseId: '' })
    const key = `default/p-${i}`
    dialBack.follow({ key, before: undefined, entry: new PodEntry(key, { object, revision: i }) })
    if (i === 9_999) expect(lines).toEqual([])
  }
  dialBack.stop()
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('too many pods register at once: not all are dialled')
})
