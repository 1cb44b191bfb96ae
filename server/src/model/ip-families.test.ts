import { describe, expect, it } from 'vitest'
import { FieldErrors } from './field-errors.ts'
import { resolveIPFamilies } from './ip-families.ts'
import type { IPFamily } from './service.ts'
import { defaultService } from './service-defaults.ts'
import type { ServiceDraft } from './service-draft.ts'
import type { ServiceSpecInput } from './service-input.ts'

const V4: readonly IPFamily[] = ['IPv4']
const DUAL: readonly IPFamily[] = ['IPv4', 'IPv6']
const DUAL6: readonly IPFamily[] = ['IPv6', 'IPv4']
const A = '10.96.0.5'
const B = 'fd00::5'
const app = { selector: { app: 'web' } }
const headless = { clusterIP: 'None', clusterIPs: ['None'] }

const resolve = (spec: ServiceSpecInput, cluster: readonly IPFamily[], old?: ServiceSpecInput) => {
  const errors = new FieldErrors()
  const was = old && defaultService({ ...app, ...old })
  const draft = resolveIPFamilies(defaultService({ ...app, ...spec }), was, cluster, errors)
  return { draft, problems: errors.violations.map((v) => `${v.field}: ${v.description}`) }
}

const familiesAndPolicy = ({ ipFamilies, ipFamilyPolicy }: ServiceDraft) =>
  `${ipFamilies.join('+')} ${ipFamilyPolicy}`

describe('resolveIPFamilies', () => {
  it.each<[ServiceSpecInput, readonly IPFamily[], string]>([
    [{}, V4, 'IPv4 SingleStack'],
    [{}, DUAL, 'IPv4 SingleStack'],
    [{}, DUAL6, 'IPv6 SingleStack'],
    [{ ipFamilyPolicy: 'PreferDualStack' }, V4, 'IPv4 PreferDualStack'],
    [{ ipFamilyPolicy: 'PreferDualStack' }, DUAL6, 'IPv6+IPv4 PreferDualStack'],
    [{ ipFamilyPolicy: 'RequireDualStack' }, DUAL, 'IPv4+IPv6 RequireDualStack'],
    [{ ipFamilies: ['IPv6'] }, DUAL, 'IPv6 SingleStack'],
    [
      { ipFamilies: ['IPv6'], ipFamilyPolicy: 'PreferDualStack' },
      DUAL,
      'IPv6+IPv4 PreferDualStack',
    ],
    [{ clusterIP: B, clusterIPs: [B] }, DUAL, 'IPv6 SingleStack'],
    [
      { clusterIP: B, clusterIPs: [B, A], ipFamilyPolicy: 'RequireDualStack' },
      DUAL,
      'IPv6+IPv4 RequireDualStack',
    ],
    [headless, DUAL, 'IPv4 SingleStack'],
    [{ ...headless, selector: {} }, V4, 'IPv4+IPv6 RequireDualStack'],
    [{ ...headless, selector: {} }, DUAL6, 'IPv6+IPv4 RequireDualStack'],
    [{ ...headless, selector: {}, ipFamilies: ['IPv6'] }, V4, 'IPv6+IPv4 RequireDualStack'],
    [
      { ...headless, selector: {}, ipFamilies: ['IPv6'], ipFamilyPolicy: 'SingleStack' },
      V4,
      'IPv6 SingleStack',
    ],
    [
      { ...headless, selector: {}, matchExpressions: [{ key: 'a', operator: 'Exists' }] },
      DUAL,
      'IPv4 SingleStack',
    ],
    [{ type: 'ExternalName' }, DUAL, ' undefined'],
  ])('completes %j on %j to %s', (spec, cluster, expected) => {
    const { draft, problems } = resolve(spec, cluster)
    expect(problems).toEqual([])
    expect(familiesAndPolicy(draft)).toBe(expected)
  })

  it.each<[ServiceSpecInput, readonly IPFamily[], readonly string[]]>([
    [
      { ipFamilyPolicy: 'RequireDualStack' },
      V4,
      [
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
      ],
    ],
    [
      { ipFamilies: ['IPv6'] },
      V4,
      ['spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
    ],
    [
      { clusterIP: B, clusterIPs: [B] },
      V4,
      ['spec.clusterIPs[0]: Invalid value: ["fd00::5"]: IPv6 is not configured on this cluster'],
    ],
    [
      { ipFamilies: ['IPv4', 'IPv6'] },
      DUAL,
      [
        "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
      ],
    ],
    [
      { clusterIP: A, clusterIPs: [A, B] },
      DUAL,
      [
        "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified",
      ],
    ],
    [
      { ipFamilies: ['IPv5', 'IPv4', 'IPv4'] },
      DUAL,
      [
        'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
        'spec.ipFamilies[2]: Duplicate value: "IPv4"',
      ],
    ],
    [
      { ipFamilyPolicy: 'Both' },
      DUAL,
      [
        'spec.ipFamilyPolicy: Unsupported value: "Both": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
      ],
    ],
    [
      { clusterIPs: [A] },
      DUAL,
      [
        'spec.clusterIPs: Invalid value: ["10.96.0.5"]: must be empty when `clusterIP` is not specified',
      ],
    ],
    [
      { clusterIP: A, clusterIPs: ['10.96.0.6'] },
      DUAL,
      ['spec.clusterIPs: Invalid value: ["10.96.0.6"]: first value must match `clusterIP`'],
    ],
    [
      { clusterIP: 'None', clusterIPs: ['None', A] },
      DUAL,
      [
        'spec.clusterIPs: Invalid value: ["None","10.96.0.5"]: \'None\' must be the first and only value',
      ],
    ],
    [
      { clusterIP: A, clusterIPs: [A, 'None'] },
      DUAL,
      [
        'spec.clusterIPs[1]: Invalid value: "None": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      { clusterIP: A, clusterIPs: [A, '10.96.0.6'], ipFamilyPolicy: 'PreferDualStack' },
      DUAL,
      [
        'spec.clusterIPs: Invalid value: ["10.96.0.5","10.96.0.6"]: may specify no more than one IP for each IP family',
      ],
    ],
    [
      { clusterIP: A, clusterIPs: [A, B, A], ipFamilyPolicy: 'PreferDualStack' },
      DUAL,
      [
        'spec.clusterIPs: Invalid value: ["10.96.0.5","fd00::5","10.96.0.5"]: may only hold up to 2 values',
        'spec.clusterIPs: Invalid value: ["10.96.0.5","fd00::5","10.96.0.5"]: may specify no more than one IP for each IP family',
      ],
    ],
    [
      { clusterIP: A, clusterIPs: [A], ipFamilies: ['IPv6'] },
      DUAL,
      [
        'spec.clusterIPs[0]: Invalid value: "10.96.0.5": expected an IPv6 value as indicated by `ipFamilies[0]`',
      ],
    ],
  ])('refuses %j on %j', (spec, cluster, expected) => {
    expect(resolve(spec, cluster).problems).toEqual(expected)
  })

  const single = {
    clusterIP: A,
    clusterIPs: [A],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
  }
  const prefer = { ...single, ipFamilyPolicy: 'PreferDualStack' }
  const dual = {
    clusterIP: A,
    clusterIPs: [A, B],
    ipFamilies: DUAL,
    ipFamilyPolicy: 'RequireDualStack',
  }

  it.each<[string, ServiceSpecInput, ServiceSpecInput, string, readonly string[]]>([
    [
      'keeps the policy',
      dual,
      { clusterIP: A, clusterIPs: [A, B] },
      'IPv4+IPv6 RequireDualStack',
      [A, B],
    ],
    [
      'adds a family for a new policy',
      single,
      { ...single, ipFamilies: [], ipFamilyPolicy: 'PreferDualStack' },
      'IPv4+IPv6 PreferDualStack',
      [A],
    ],
    [
      'lets go of the second address for SingleStack',
      dual,
      { ...dual, ipFamilyPolicy: 'SingleStack' },
      'IPv4 SingleStack',
      [A],
    ],
    [
      'does not add an address to PreferDualStack by itself',
      prefer,
      { ...prefer, ipFamilies: [] },
      'IPv4 PreferDualStack',
      [A],
    ],
    [
      'adds one to PreferDualStack when asked',
      prefer,
      { ...prefer, ipFamilies: DUAL },
      'IPv4+IPv6 PreferDualStack',
      [A],
    ],
    [
      'adds one to PreferDualStack when required',
      prefer,
      { ...prefer, ipFamilyPolicy: 'RequireDualStack' },
      'IPv4+IPv6 RequireDualStack',
      [A],
    ],
    [
      'keeps the second address where a policy of two is said again',
      dual,
      { ...dual, clusterIPs: [A], ipFamilies: ['IPv4'] },
      'IPv4+IPv6 RequireDualStack',
      [A, B],
    ],
    [
      'lets a headless service change families',
      { ...headless, ipFamilies: ['IPv4'] },
      { ...headless, ipFamilies: ['IPv6'] },
      'IPv6 SingleStack',
      ['None'],
    ],
  ])('%s', (_, old, spec, expected, clusterIPs) => {
    const { draft, problems } = resolve(spec, DUAL, old)
    expect(problems).toEqual([])
    expect(familiesAndPolicy(draft)).toBe(expected)
    expect(draft.clusterIPs).toEqual(clusterIPs)
  })

  it.each<[string, ServiceSpecInput, ServiceSpecInput, readonly string[]]>([
    [
      'another first address',
      single,
      { ...single, clusterIP: '10.96.0.6', clusterIPs: ['10.96.0.6'] },
      ['spec.clusterIPs[0]: Invalid value: ["10.96.0.6"]: may not change once set'],
    ],
    [
      'None instead of an address',
      single,
      { ...single, ...headless },
      ['spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'],
    ],
    [
      'an address instead of None',
      { ...headless, ipFamilies: ['IPv4'] },
      single,
      ['spec.clusterIPs[0]: Invalid value: ["10.96.0.5"]: may not change once set'],
    ],
    [
      'no address any more',
      single,
      { ...single, clusterIP: '', clusterIPs: [] },
      ['spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset'],
    ],
    [
      'another second address',
      dual,
      { ...dual, clusterIPs: [A, 'fd00::6'] },
      ['spec.clusterIPs[1]: Invalid value: ["10.96.0.5","fd00::6"]: may not change once set'],
    ],
    [
      'one address less without SingleStack',
      dual,
      { ...dual, clusterIPs: [A], ipFamilyPolicy: '' },
      [
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be \'SingleStack\' to release the secondary cluster IP',
      ],
    ],
    [
      'one family less without SingleStack',
      dual,
      { ...dual, ipFamilies: ['IPv4'], ipFamilyPolicy: '' },
      [
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be \'SingleStack\' to release the secondary IP family',
      ],
    ],
    [
      'SingleStack with the two families in another order',
      dual,
      { ...dual, ipFamilies: DUAL6, clusterIPs: [A], ipFamilyPolicy: 'SingleStack' },
      [
        'spec.clusterIPs[0]: Invalid value: "10.96.0.5": expected an IPv6 value as indicated by `ipFamilies[0]`',
      ],
    ],
  ])('refuses %s', (_, old, spec, expected) => {
    expect(resolve(spec, DUAL, old).problems).toEqual(expected)
  })
})
