import type { Probe } from '@roster/proto'
import { describe, expect, it } from 'vitest'
import { readPod } from '../../../test/support/over-the-wire.ts'
import { describePod } from './describe-pod.ts'

const timing = {
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
}
const printed = 'delay=0s timeout=1s period=10s #success=1 #failure=3'

describe('the description of a pod', () => {
  it.each<[string, Probe]>([
    ['http-get http://:8080/ready', { httpGet: { scheme: 'HTTP', port: '8080', path: '/ready' } }],
    [
      'http-get https://[fd00::1]:web/',
      { httpGet: { scheme: 'HTTPS', port: 'web', path: '/', host: 'fd00::1' } },
    ],
    ['tcp-socket :80', { tcpSocket: { port: '80' } }],
    ['grpc <pod>:50051', { grpc: { port: 50_051 } }],
    ['grpc <pod>:50051 a.B', { grpc: { port: 50_051, service: 'a.B' } }],
  ])('has its probe as kubectl prints it: %s', (text, handler) => {
    const pod = readPod({ spec: { readinessProbe: { ...handler, ...timing } } })
    expect(describePod(pod).replaceAll(/ +/g, ' ')).toContain(`Readiness: ${text} ${printed}\n`)
  })

  it('says that there is no probe, and has no conditions where there are none', () => {
    const text = describePod(readPod({}))
    expect(text).toMatch(/Readiness: +<none>\n/)
    expect(text).not.toContain('Conditions')
  })

  it('has a table of what the registry has found out', () => {
    const lastTransitionTime = { seconds: 1_800_000_000 }
    const conditions = [
      {
        type: 'Probed',
        status: 'True',
        reason: 'Succeeded',
        message: 'tcp 10.0.0.1:80: connected',
      },
      { type: 'Reachable', status: 'False', reason: 'Timeout', message: 'tcp 10.0.0.1:81: …' },
    ].map((one) => ({ ...one, lastTransitionTime }))
    expect(describePod(readPod({ status: { conditions } }))).toContain(
      [
        'Conditions:',
        '  Type        Status   Since                  Reason      Message',
        '  Probed      True     2027-01-15T08:00:00Z   Succeeded   tcp 10.0.0.1:80: connected',
        '  Reachable   False    2027-01-15T08:00:00Z   Timeout     tcp 10.0.0.1:81: …',
        '',
      ].join('\n'),
    )
  })
})
