import { startAgent } from '@roster/agent'
import type { Pod__Output } from '@roster/proto'
import { startRegistry } from '@roster/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Clients, connect } from '../support/clients.ts'
import { RealEngine, whyNoEngine } from '../support/docker-engine.ts'
import { eventually } from '../support/eventually.ts'

const reason = whyNoEngine()
if (reason) process.stderr.write(`no test with a real Docker engine: ${reason}\n`)

const LABELS = [
  '--label',
  'roster.enable=true',
  '--label',
  'roster.services.web.ports.http=80:8080',
]
const SERVER = ['/bin/httpd', '-f', '-p', '8080']

describe.skipIf(reason !== undefined)('with a real Docker engine', () => {
  let engine: RealEngine
  let registry: Awaited<ReturnType<typeof startRegistry>>
  let agent: Awaited<ReturnType<typeof startAgent>>
  let admin: Clients

  beforeAll(async () => {
    engine = await RealEngine.start()
    registry = await startRegistry({
      data: ':memory:',
      listen: '127.0.0.1:0',
      logLevel: 'silent',
    })
    admin = connect(registry.address)
    agent = await startAgent({
      registry: registry.address,
      logLevel: 'silent',
      node: 'n1',
      docker: { socketPath: engine.socketPath },
    })
  }, 60_000)

  afterAll(async () => {
    await agent?.stop()
    admin?.close()
    await registry?.stop()
    await engine?.stop()
  }, 60_000)

  const statusOf = async (name: string): Promise<Pod__Output['status'] | undefined> =>
    (await admin.pods.listPods({})).pods.find(({ metadata }) => metadata?.name.startsWith(name))
      ?.status

  const run = (name: string, flags: readonly string[], ...command: readonly string[]) =>
    engine.docker('run', '-d', '--name', name, '--network', 'mesh', ...flags, 'base', ...command)

  it('a container is ready as soon as it takes connections, and gone with its removal', async () => {
    await run('late', LABELS, '/bin/sh', '-c', `sleep 1; exec ${SERVER.join(' ')}`)
    await eventually(async () => (await statusOf('late'))?.ready === false)
    await eventually(async () => (await statusOf('late'))?.ready === true)
    expect((await statusOf('late'))?.podIps).toEqual([expect.stringMatching(/^172\.31\.243\./)])
    await engine.docker('rm', '-f', 'late')
    await eventually(async () => (await statusOf('late')) === undefined)
  })

  it('a container that is stopped is terminating before it ends', async () => {
    const slow = `trap 'sleep 2; exit 0' TERM; ${SERVER.slice(0, 1)} -p 8080; while :; do sleep 0.1; done`
    await run('slow', LABELS, '/bin/sh', '-c', slow)
    await eventually(async () => (await statusOf('slow'))?.ready === true)
    const stopped = engine.docker('stop', 'slow')
    await eventually(async () => (await statusOf('slow'))?.terminating === true)
    const state = await engine.docker('inspect', '--format', '{{.State.Status}}', 'slow')
    await stopped
    await eventually(async () => (await statusOf('slow'))?.phase === 'Succeeded')
    expect(state).toBe('running')
  })

  it('a container that is paused takes no part until it is unpaused', async () => {
    await run('idle', LABELS, ...SERVER)
    await eventually(async () => (await statusOf('idle'))?.ready === true)
    await engine.docker('pause', 'idle')
    await eventually(async () => (await statusOf('idle'))?.ready === false)
    await engine.docker('unpause', 'idle')
    await eventually(async () => (await statusOf('idle'))?.ready === true)
  })
})
