import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ServiceLabels } from './service-labels.ts'

/** What the labels `path: text` describe. */
function read(labels: Readonly<Record<string, string>>) {
  const reader = new ServiceLabels()
  const problems = Object.entries(labels).map(([path, text]) => reader.add(path, text))
  return { ...reader.service, problems: problems.filter((problem) => problem !== undefined) }
}

describe('the labels of a service', () => {
  it('give every part of a port, or only its number', () => {
    const number = fc.integer({ min: 1, max: 65_535 })
    const protocol = fc.constantFrom('tcp', 'udp', 'sctp', 'TCP')
    const optional = <T>(part: fc.Arbitrary<T>) => fc.option(part, { nil: undefined })
    fc.assert(
      fc.property(
        fc.record({ port: optional(number), target: number, protocol: optional(protocol) }),
        optional(number),
        ({ port, target, protocol }, nodePort) => {
          const before = port === undefined ? '' : `${port}:`
          const after = [protocol && `/${protocol}`, nodePort && `@${nodePort}`].join('')
          const { spec } = read({ 'ports.http': `${before}${target}${after}` })
          expect(spec.ports).toEqual([
            {
              name: 'http',
              port: port ?? target,
              targetPort: String(target),
              protocol: (protocol ?? 'tcp').toUpperCase(),
              ...(nodePort !== undefined && { nodePort }),
            },
          ])
          expect(spec.type).toBe(nodePort === undefined ? undefined : 'NodePort')
        },
      ),
    )
  })

  it.each(['', '80:', '0', '65536', '80:0', 'http', '80/quic', '80@0', '80:8080@'])(
    'do not take "%s" for a port',
    (text) => {
      const { spec, problems } = read({ 'ports.http': text })
      expect(spec.ports).toEqual([])
      expect(problems).toEqual([expect.stringMatching(/^must be PORT/)])
    },
  )

  it('set fields of the spec by their path', () => {
    const { spec, annotations, problems } = read({
      type: 'LoadBalancer',
      sessionAffinity: 'ClientIP',
      'sessionAffinityConfig.clientIP.timeoutSeconds': '600',
      publishNotReadyAddresses: 'true',
      loadBalancerSourceRanges: '10.0.0.0/8, 192.0.2.0/24',
      'selector.app.kubernetes.io/name': 'shop',
      'ports.grpc': '50051',
      'ports.grpc.appProtocol': 'kubernetes.io/h2c',
      'annotations.roster.dev/load-balancing': 'round_robin',
    })
    expect(problems).toEqual([])
    expect(annotations).toEqual({ 'roster.dev/load-balancing': 'round_robin' })
    expect(spec).toEqual({
      type: 'LoadBalancer',
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIp: { timeoutSeconds: 600 } },
      publishNotReadyAddresses: true,
      loadBalancerSourceRanges: ['10.0.0.0/8', '192.0.2.0/24'],
      selector: { 'app.kubernetes.io/name': 'shop' },
      ports: [
        {
          name: 'grpc',
          port: 50_051,
          targetPort: '50051',
          protocol: 'TCP',
          appProtocol: 'kubernetes.io/h2c',
        },
      ],
    })
  })

  it('know Headless as a type', () => {
    expect(read({ type: 'Headless' }).spec).toMatchObject({ type: 'ClusterIP', clusterIp: 'None' })
  })

  it.each([
    ['toString', 'x', 'there is no field "toString"'],
    ['ports.http.target', '80', 'there is no field "target"'],
    ['healthCheckNodePort', 'many', 'must be a whole number'],
    ['publishNotReadyAddresses', 'yes', 'must be true or false'],
  ])('say what is wrong with %s=%s', (path, text, problem) => {
    expect(read({ [path]: text }).problems).toEqual([expect.stringContaining(problem)])
  })
})
