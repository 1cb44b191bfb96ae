import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Roster } from '@roster/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from '../support/checkout.ts'
import { SdkWorld } from '../support/sdk-world.ts'

const run = promisify(execFile)
const world = new SdkWorld()
let roster: Roster

beforeAll(async () => {
  const registry = await world.registry()
  roster = world.connect(registry.address)
  await applyService('greeter', 'grpc')
  await applyService('web', 'http')
  await Promise.all([startGreeter('greeter-1'), startGreeter('greeter-2')])
  await Promise.all([startWebServer('web-1'), startWebServer('web-2')])
  await Promise.all([roster.ready('demo/greeter'), roster.ready('demo/web')])
}, 60_000)

afterAll(() => world.close(), 30_000)

const applyService = (name: string, port: string) =>
  roster.catalog.applyService({
    service: {
      metadata: { namespace: 'demo', name },
      spec: { selector: { app: name }, ports: [{ name: port, port: 80, targetPort: port }] },
    },
  })

/** The example of a provider, in a process of its own. */
async function startGreeter(name: string): Promise<void> {
  const env = { ...process.env, ROSTER_REGISTRY: roster.address, POD_NAME: name, HOST: '127.0.0.1' }
  const child = execFile(process.execPath, [join(root, 'examples/dist/greeter-server.js')], { env })
  world.onClose(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  const registered = new Promise<void>((resolve) => {
    child.stdout?.on('data', (text) => String(text).includes('registered') && resolve())
  })
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended with exit code ${code}`)
  })
  gone.catch(() => {})
  await Promise.race([registered, gone])
}

/** A server that is no gRPC server, registered by hand. */
async function startWebServer(name: string): Promise<void> {
  const server = createServer((_, response) => response.end(name)).listen(0, '127.0.0.1')
  world.onClose(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const own = { namespace: 'demo', name, labels: { app: 'web' }, addresses: ['127.0.0.1'] }
  await roster.register({ ...own, ports: [{ name: 'http', containerPort: port }] }).ready
}

/** The lines that an example prints. Fails unless it ends by itself with exit code 0. */
async function linesOf(program: string): Promise<readonly string[]> {
  const { stdout, stderr } = await run(process.execPath, [join(root, program)], {
    env: { ...process.env, ROSTER_REGISTRY: roster.address },
    timeout: 20_000,
  })
  expect(stderr).toBe('')
  return stdout.split('\n')
}

const answersOf = (lines: readonly string[], pattern: RegExp) =>
  lines.filter((line) => pattern.test(line))

test('grpc-js: calls are answered, and it is explained by whom', async () => {
  const lines = await linesOf('examples/dist/grpc-js.js')

  expect(answersOf(lines, /^greeter-[12]: hello, grpc-js$/)).toHaveLength(20)
  const explained = /^demo\/greeter by peak_ewma: 2 endpoints, [12] connected, 0 ejected$/
  expect(lines).toContainEqual(expect.stringMatching(explained))
})

test('nice-grpc: calls are answered, and calls and endpoints are measured', async () => {
  const lines = await linesOf('examples/dist/nice-grpc.js')

  expect(answersOf(lines, /^greeter-[12]: hello, (ada|grace|barbara)$/)).toHaveLength(15)
  expect(lines).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        /^roster_client_endpoints\{service="demo\/greeter",state="ready"\} [12]$/,
      ),
      expect.stringMatching(/^grpc_client_handled_total\{.*grpc_method="SayHello".*\} 15$/),
    ]),
  )
})

test('NestJS: calls are answered', async () => {
  const lines = await linesOf('examples/nestjs/dist/main.js')

  expect(answersOf(lines, /^greeter-[12]: hello, NestJS$/)).toHaveLength(10)
})

test('http-client: requests go to all servers in turn', async () => {
  const lines = await linesOf('examples/dist/http-client.js')

  expect(lines).toContain('roster:///demo/web has 2 endpoints')
  expect(answersOf(lines, /^web-1$/)).toHaveLength(5)
  expect(answersOf(lines, /^web-2$/)).toHaveLength(5)
})
