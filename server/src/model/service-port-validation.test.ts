import { describe, expect, it } from 'vitest'
import { FieldErrors } from './field-errors.ts'
import { defaultService } from './service-defaults.ts'
import type { ServicePortInput } from './service-input.ts'
import { validateServicePorts } from './service-port-validation.ts'

const problems = (ports: readonly ServicePortInput[], type = 'NodePort'): string[] => {
  const errors = new FieldErrors()
  validateServicePorts(defaultService({ type, ports }), errors)
  return errors.violations.map((v) => `${v.field}: ${v.description}`)
}

describe('validateServicePorts', () => {
  it.each<[string, readonly ServicePortInput[]]>([
    ['one port without a name', [{ port: 65_535 }]],
    [
      'one port number in two protocols',
      [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
    ],
    [
      'one node port in two protocols',
      [
        { name: 'a', port: 53, protocol: 'UDP', nodePort: 30_053 },
        { name: 'b', port: 53, protocol: 'TCP', nodePort: 30_053 },
      ],
    ],
    ['a named target port', [{ port: 80, targetPort: 'http' }]],
    ['an application protocol', [{ port: 80, appProtocol: 'kubernetes.io/h2c' }]],
  ])('accepts %s', (_, ports) => {
    expect(problems(ports)).toEqual([])
  })

  it.each<[readonly ServicePortInput[], readonly string[]]>([
    [[{ port: 80 }, { name: 'b', port: 81 }], ['spec.ports[0].name: Required value']],
    [
      [
        { name: 'a', port: 80 },
        { name: 'a', port: 81 },
      ],
      ['spec.ports[1].name: Duplicate value: "a"'],
    ],
    [
      [
        { name: 'a', port: 80 },
        { name: 'b', port: 80 },
      ],
      ['spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}'],
    ],
    [
      [
        { name: 'a', port: 80, nodePort: 30_080 },
        { name: 'b', port: 81, nodePort: 30_080 },
      ],
      ['spec.ports[1].nodePort: Duplicate value: 30080'],
    ],
    [
      [{ port: 80, protocol: 'HTTP' }],
      ['spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'],
    ],
    [
      [{ port: 65_536, targetPort: 1 }],
      ['spec.ports[0].port: Invalid value: 65536: must be between 1 and 65535, inclusive'],
    ],
    [
      [{ port: 80, targetPort: 70_000 }],
      ['spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
    ],
    [
      [{ port: 80, targetPort: 'a--b' }],
      ['spec.ports[0].targetPort: Invalid value: "a--b": must not contain consecutive hyphens'],
    ],
    [
      [{ port: 80, targetPort: 'sixteen-letters-' }],
      [
        'spec.ports[0].targetPort: Invalid value: "sixteen-letters-": must be no more than 15 characters',
        'spec.ports[0].targetPort: Invalid value: "sixteen-letters-": must not begin or end with a hyphen',
      ],
    ],
  ])('refuses %j', (ports, expected) => {
    expect(problems(ports)).toEqual(expected)
  })

  it('holds a port without a number against port and target port', () => {
    expect(problems([{}]).map((text) => text.split(':')[0])).toEqual([
      'spec.ports[0].port',
      'spec.ports[0].targetPort',
    ])
  })

  it('refuses node ports of a ClusterIP service', () => {
    expect(problems([{ port: 80, nodePort: 30_080 }], 'ClusterIP')).toEqual([
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ])
  })

  it('refuses an upper-case name and a bad application protocol', () => {
    const fields = problems([{ name: 'Http', port: 80, appProtocol: 'a b' }])
    expect(fields.map((text) => text.split(':')[0])).toEqual([
      'spec.ports[0].name',
      'spec.ports[0].appProtocol',
    ])
  })
})
