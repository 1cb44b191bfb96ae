import type { Pod, Service, ServiceSpec } from '@roster/proto'
import { describe, expect, it } from 'vitest'
import { readPod, readService, readSet, readSlice } from '../../../test/support/over-the-wire.ts'
import { table } from '../print/table.ts'
import { COLUMNS } from './by-kind.ts'
import { endpointSliceCells } from './endpoint-slices.ts'
import { endpointsCells } from './endpoints.ts'
import { podCells } from './pods.ts'
import { serviceCells } from './services.ts'

const NOW_S = 1_800_000_000
const NOW_MS = NOW_S * 1000
const created = { creationTimestamp: { seconds: NOW_S - 90 } }

const service = (name: string, spec: ServiceSpec, more: Service = {}) =>
  readService({ metadata: { name, ...created }, spec, ...more })

describe('the table of services', () => {
  const services = [
    service('db', { type: 'ClusterIP', clusterIp: 'None', clusterIps: ['None'] }),
    service('web', {
      type: 'NodePort',
      clusterIps: ['10.96.0.9', 'fd00::9'],
      externalIps: ['192.0.2.1', '192.0.2.2'],
      ports: [
        { port: 80, protocol: 'TCP', nodePort: 30_080 },
        { port: 53, protocol: 'UDP' },
      ],
      selector: { tier: 'front', app: 'web' },
    }),
    service('waiting', { type: 'LoadBalancer', clusterIps: ['10.96.0.10'] }),
    service(
      'lb',
      { type: 'LoadBalancer', clusterIps: ['10.96.0.11'], externalIps: ['192.0.2.3'] },
      {
        status: { loadBalancer: { ingress: [{ hostname: 'lb.example.org' }, { ip: '1.2.3.4' }] } },
      },
    ),
    service('alias', { type: 'ExternalName', externalName: 'example.org' }),
  ]

  it('is that of kubectl', () => {
    const rows = services.map((s) => serviceCells(s, 'table', NOW_MS))
    expect(table([COLUMNS.services.table, ...rows])).toBe(
      [
        'NAME      TYPE           CLUSTER-IP   EXTERNAL-IP                  PORT(S)               AGE',
        'db        ClusterIP      None         <none>                       <none>                90s',
        'web       NodePort       10.96.0.9    192.0.2.1,192.0.2.2          80:30080/TCP,53/UDP   90s',
        'waiting   LoadBalancer   10.96.0.10   <pending>                    <none>                90s',
        'lb        LoadBalancer   10.96.0.11   1.2.3.4,lb.ex...,192.0.2.3   <none>                90s',
        'alias     ExternalName   <none>       example.org                  <none>                90s',
        '',
      ].join('\n'),
    )
  })

  it('when wide has all addresses and the selector', () => {
    const [db, web, , lb] = services.map((s) => serviceCells(s, 'wide', NOW_MS))
    expect(COLUMNS.services.wide.at(-1)).toBe('SELECTOR')
    expect(db?.at(-1)).toBe('<none>')
    expect(web?.at(-1)).toBe('app=web,tier=front')
    expect(lb?.[3]).toBe('1.2.3.4,lb.example.org,192.0.2.3')
  })
})

describe('the table of pods', () => {
  const pod = (name: string, more: Pod) => readPod({ metadata: { name, ...created }, ...more })
  const running = { phase: 'Running', ready: true, podIps: ['10.0.0.1'] }

  it('is that of kubectl, with place, weight and lease when wide', () => {
    const rows = [
      pod('web-1', {
        spec: { weight: 100, nodeName: 'n1', zone: 'a' },
        status: { ...running, podIps: ['10.0.0.1', 'fd00::1'], leaseId: 'l1' },
      }),
      pod('web-2', { spec: { weight: 50 }, status: { phase: 'Pending' } }),
    ].map((p) => podCells(p, 'wide', NOW_MS))
    expect(table([COLUMNS.pods.wide, ...rows])).toBe(
      [
        'NAME    READY   STATUS    AGE   IP                 NODE     ZONE     WEIGHT   LEASE',
        'web-1   1/1     Running   90s   10.0.0.1,fd00::1   n1       a        100      l1',
        'web-2   0/1     Pending   90s   <none>             <none>   <none>   50       <none>',
        '',
      ].join('\n'),
    )
    expect(COLUMNS.pods.table).toEqual(['NAME', 'READY', 'STATUS', 'AGE'])
  })

  it.each([
    ['terminating', { status: { ...running, terminating: true } }, '1/1', 'Terminating'],
    ['disconnected', { status: { ...running, disconnected: true } }, '0/1', 'Disconnected'],
    [
      'not ready by its probe',
      { status: { ...running, conditions: [{ type: 'Probed', status: 'Unknown' }] } },
      '0/1',
      'Running',
    ],
    [
      'ready by its probe, and not reachable',
      {
        status: {
          ...running,
          conditions: [
            { type: 'Probed', status: 'True' },
            { type: 'Reachable', status: 'False' },
          ],
        },
      },
      '1/1',
      'Running',
    ],
    ['held', { status: { ...running, disconnected: true, held: true } }, '0/1', 'Held'],
    [
      'in maintenance',
      { status: running, override: { maintenance: true } },
      '0/1',
      'Running,Maintenance',
    ],
  ])('tells a pod that is %s', (_, more, ready, status) => {
    expect(podCells(pod('p', more), 'table', NOW_MS).slice(1, 3)).toEqual([ready, status])
  })

  it('shows the weight that counts', () => {
    const overridden = pod('p', { spec: { weight: 50 }, override: { weight: 0 } })
    expect(podCells(overridden, 'wide', NOW_MS)[7]).toBe('0')
  })
})

describe('the table of endpoints', () => {
  const definition = { metadata: { name: 'web', ...created } }
  const ports = [
    { name: 'http', port: 80 },
    { name: 'admin', port: 90 },
  ]

  it('has the ready addresses port by port, three of them, in order', () => {
    const set = readSet({
      service: 'web',
      definition,
      endpoints: [
        { id: 'c', addresses: ['10.0.0.10'], ready: true, ports },
        { id: 'b', addresses: ['10.0.0.9'], ready: false, ports },
        { id: 'a', addresses: ['fd00::1'], ready: true, ports },
      ],
    })
    expect(endpointsCells(set, NOW_MS)).toEqual([
      'web',
      '10.0.0.10:80,10.0.0.10:90,[fd00::1]:80 + 1 more...',
      '90s',
    ])
  })

  it('says when there are none', () => {
    expect(endpointsCells(readSet({ service: 'web', definition }), NOW_MS)[1]).toBe('<none>')
  })
})

describe('the table of endpointslices', () => {
  it('has ports and addresses, three of each', () => {
    const slice = readSlice({
      metadata: { name: 'db-1', ...created },
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.9.0.1', '10.9.0.2'] },
        { addresses: ['10.9.0.3'] },
        { addresses: ['10.9.0.4'] },
      ],
      ports: [{ port: 5432 }],
    })
    expect(endpointSliceCells(slice, NOW_MS)).toEqual([
      'db-1',
      'IPv4',
      '5432',
      '10.9.0.1,10.9.0.2,10.9.0.3 + 1 more...',
      '90s',
    ])
    expect(endpointSliceCells(readSlice({ metadata: { name: 'x' } }), NOW_MS).slice(2, 4)).toEqual([
      '<unset>',
      '<unset>',
    ])
  })
})
