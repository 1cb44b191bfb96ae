import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Agent, startAgent } from '@roster/agent'
import { type RunningRegistry, startRegistry } from '@roster/server'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Clients, connect } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'

let registry: RunningRegistry
let client: Clients
let agent: Agent
let web: Server

beforeEach(async () => {
  registry = await startRegistry({ data: ':memory:', listen: '127.0.0.1:0', logLevel: 'silent' })
  client = connect(registry.address)
  web = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1')
  await once(web, 'listening')
  agent = await startAgent({
    registry: registry.address,
    node: 'n1',
    logLevel: 'silent',
    dns: {
      listen: { host: '127.0.0.1', port: 0 },
      forward: [],
      clusterDomain: 'cluster.local',
      ttlSeconds: 5,
      podNames: 'disabled',
      reverseZones: ['127.96.0.0/16'],
    },
    proxy: { engine: 'userspace', serviceRanges: ['127.96.0.0/16'] },
  })
})

afterEach(async () => {
  await agent.stop()
  client.close()
  web.close()
  await registry.stop()
})

const text = async (url: string) => (await fetch(url)).text()

it('a program finds a service by the address and the port that DNS names', async () => {
  const { port } = web.address() as AddressInfo
  await client.pods.registerPod({
    pod: {
      metadata: { namespace: 'demo', name: 'web-1', labels: { app: 'web' } },
      status: { podIps: ['127.0.0.1'] },
    },
  })
  const { service } = await client.catalog.applyService({
    service: {
      metadata: { namespace: 'demo', name: 'web' },
      spec: {
        type: 'NodePort',
        selector: { app: 'web' },
        ports: [{ name: 'http', port: 80, targetPort: String(port) }],
      },
    },
  })
  const resolver = new Resolver({ timeout: 1_000 })
  resolver.setServers([agent.addresses.dns ?? ''])
  const name = 'web.demo.svc.cluster.local'
  const nodePort = service?.spec?.ports[0]?.nodePort
  await eventually(async () => {
    const [srv] = await resolver.resolveSrv(`_http._tcp.${name}`)
    const [ip] = await resolver.resolve4(name)
    expect(ip).toBe(service?.spec?.clusterIp)
    expect(await text(`http://${ip}:${srv?.port}/`)).toBe('hello')
    expect(await text(`http://127.0.0.1:${nodePort}/`)).toBe('hello')
  })
})
