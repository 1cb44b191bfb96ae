import { describe, expect, it } from 'vitest'
import { FieldErrors } from './field-errors.ts'
import type { Labels } from './meta.ts'
import { defaultService } from './service-defaults.ts'
import type { ServiceSpecInput } from './service-input.ts'
import { validateService } from './service-validation.ts'

const http = { port: 80 }

const problems = (spec: ServiceSpecInput, annotations: Labels = {}): string[] => {
  const errors = new FieldErrors()
  validateService(annotations, defaultService({ ports: [http], ...spec }), errors)
  return errors.violations.map((v) => `${v.field}: ${v.description}`)
}

describe('validateService', () => {
  it.each<[string, ServiceSpecInput]>([
    ['a port', {}],
    ['a headless service without ports', { clusterIP: 'None', clusterIPs: ['None'], ports: [] }],
    ['a fully qualified external name', { type: 'ExternalName', externalName: 'a.b.', ports: [] }],
    [
      'affinity of a day',
      {
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_400 } },
      },
    ],
    [
      'source ranges padded with spaces',
      {
        type: 'LoadBalancer',
        loadBalancerSourceRanges: [' 10.0.0.0/8 ', 'fd00::/8'],
      },
    ],
    ['a load balancer class', { type: 'LoadBalancer', loadBalancerClass: 'example.com/lb' }],
    [
      'an external IP with a traffic policy',
      {
        externalIPs: ['203.0.113.1'],
        externalTrafficPolicy: 'Local',
      },
    ],
    ['traffic distribution', { trafficDistribution: 'PreferSameNode' }],
    [
      'a policy for traffic from inside to an external name',
      {
        type: 'ExternalName',
        externalName: 'x',
        internalTrafficPolicy: 'Local',
      },
    ],
    [
      'a set-based selector',
      {
        matchExpressions: [{ key: 'app', operator: 'In', values: ['a'] }],
      },
    ],
  ])('accepts %s', (_, spec) => {
    expect(problems(spec)).toEqual([])
  })

  it.each<[ServiceSpecInput, string]>([
    [{ ports: [] }, 'spec.ports: Required value'],
    [
      { type: 'Foo' },
      'spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    [
      { type: 'NodePort', clusterIPs: ['None'] },
      'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services',
    ],
    [
      { type: 'LoadBalancer', clusterIPs: ['None'] },
      'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for LoadBalancer services',
    ],
    [{ type: 'ExternalName' }, 'spec.externalName: Required value'],
    [{ type: 'ExternalName', externalName: '.' }, 'spec.externalName: Required value'],
    [
      { type: 'ExternalName', externalName: 'x', clusterIPs: ['10.0.0.1'] },
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
    ],
    [
      { type: 'ExternalName', externalName: 'x', ipFamilies: ['IPv4'] },
      'spec.ipFamilies: Forbidden: may not be set for ExternalName services',
    ],
    [
      { type: 'ExternalName', externalName: 'x', ipFamilyPolicy: 'SingleStack' },
      'spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services',
    ],
    [
      { sessionAffinity: 'Cookie' },
      'spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"',
    ],
    [
      {
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } },
      },
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400',
    ],
    [
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } },
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400',
    ],
    [
      { externalIPs: ['x'] },
      'spec.externalIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      { externalIPs: ['203.0.113.1', '127.0.0.1'] },
      'spec.externalIPs[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
    [
      { loadBalancerSourceRanges: ['10.0.0.0/8'] },
      "spec.loadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0'] },
      'spec.loadBalancerSourceRanges[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
    [
      { type: 'NodePort', allocateLoadBalancerNodePorts: true },
      "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      { loadBalancerClass: 'a/b' },
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      { externalTrafficPolicy: 'Local' },
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ],
    [
      { type: 'NodePort', externalTrafficPolicy: 'Global' },
      'spec.externalTrafficPolicy: Unsupported value: "Global": supported values: "Cluster", "Local"',
    ],
    [
      { internalTrafficPolicy: 'Global' },
      'spec.internalTrafficPolicy: Unsupported value: "Global": supported values: "Cluster", "Local"',
    ],
    [
      { type: 'LoadBalancer', healthCheckNodePort: 30_500 },
      "spec.healthCheckNodePort: Invalid value: 30500: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
    [
      { trafficDistribution: 'Near' },
      'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
    ],
    [
      { trafficDistribution: '' },
      'spec.trafficDistribution: Unsupported value: "": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
    ],
  ])('refuses %j: %s', (spec, problem) => {
    expect(problems(spec)).toEqual([problem])
  })

  it.each<[ServiceSpecInput, string]>([
    [
      { type: 'ExternalName', externalName: 'Example.com' },
      'spec.externalName: Invalid value: "Example.com": a lowercase RFC 1123 subdomain',
    ],
    [
      { type: 'LoadBalancer', loadBalancerClass: '' },
      'spec.loadBalancerClass: Invalid value: "": name part must be non-empty',
    ],
    [
      { selector: { 'a b': 'c' } },
      'spec.selector: Invalid value: "a b": name part must consist of',
    ],
    [
      { matchExpressions: [{ key: 'a', operator: 'In' }] },
      'spec.matchExpressions[0].values: Required value',
    ],
  ])('refuses %j in the words of the grammar', (spec, start) => {
    expect(problems(spec)[0]?.slice(0, start.length)).toBe(start)
  })

  it('refuses source ranges of the old annotation as those of the field', () => {
    const key = 'service.beta.kubernetes.io/load-balancer-source-ranges'
    expect(problems({ type: 'LoadBalancer' }, { [key]: '10.0.0.0/8, x' })).toEqual([
      `metadata.annotations[${key}]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)`,
    ])
    expect(problems({}, { [key]: ' ' })).toEqual([
      `metadata.annotations[${key}]: Forbidden: may only be used when \`type\` is 'LoadBalancer'`,
    ])
  })

  it('refuses topology annotations that contradict each other', () => {
    const mode = 'service.kubernetes.io/topology-mode'
    const hints = 'service.kubernetes.io/topology-aware-hints'
    expect(problems({}, { [mode]: 'Auto', [hints]: 'Disabled' })).toEqual([
      `metadata.annotations[${mode}]: Invalid value: "Auto": must match annotations[${hints}] when both are specified`,
    ])
    expect(problems({}, { [mode]: 'Auto', [hints]: 'Auto' })).toEqual([])
  })

  it('names every mistake at once', () => {
    const fields = problems({
      type: 'NodePort',
      ports: [],
      sessionAffinity: 'x',
      externalIPs: ['y'],
    })
    expect(fields.map((text) => text.split(':')[0])).toEqual([
      'spec.ports',
      'spec.sessionAffinity',
      'spec.externalIPs[0]',
    ])
  })
})
