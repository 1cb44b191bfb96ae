import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type RunningRegistry, startRegistry } from '@roster/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root } from '../support/checkout.ts'
import { pack } from '../support/packed.ts'

const run = promisify(execFile)

/** Offers a service, calls it by its name, and prints the answer and how it was reached. */
const PROGRAM = `
const codec = { serialize: (text) => Buffer.from(text), deserialize: (bytes) => String(bytes) }
const echo = {
  path: '/packed.EchoService/Echo', requestStream: false, responseStream: false, options: {},
  requestSerialize: codec.serialize, requestDeserialize: codec.deserialize,
  responseSerialize: codec.serialize, responseDeserialize: codec.deserialize,
}
async function main() {
  const [address, name] = process.argv.slice(2)
  const roster = connectRoster(address)
  const server = new grpc.Server()
  server.addService({ echo }, { echo: (call, done) => done(null, 'hello, ' + call.request) })
  const insecure = grpc.ServerCredentials.createInsecure()
  await new Promise((resolve) => server.bindAsync('127.0.0.1:0', insecure, resolve))
  const labels = { app: name }
  const ports = [{ name: 'grpc', port: 80, targetPort: 'grpc' }]
  await roster.catalog.applyService({ service: { metadata: { name }, spec: { selector: labels, ports } } })
  const pod = roster.register(server, { labels })
  await pod.ready
  const client = new grpc.Client('roster:///' + name, grpc.credentials.createInsecure(), roster.channelOptions())
  await roster.ready(name)
  const answer = await new Promise((resolve, reject) =>
    client.makeUnaryRequest(echo.path, echo.requestSerialize, echo.responseDeserialize, name,
      (error, text) => error ? reject(error) : resolve(text)))
  console.log(JSON.stringify({ answer, picks: roster.stats(name)[0].picks, services: serviceNames }))
  client.close()
  await pod.drain()
  await roster.close()
}
main()
`

const IMPORTS = `
import * as grpc from '@grpc/grpc-js'
import { connectRoster } from '@roster/client'
import { serviceNames } from '@roster/proto'
`

const REQUIRES = `
const grpc = require('@grpc/grpc-js')
const { connectRoster } = require('@roster/client')
const { serviceNames } = require('@roster/proto')
`

/** A program that need not run: it only has to compile. */
const TYPED = `
import * as grpc from '@grpc/grpc-js'
import { connectRoster, type Roster } from '@roster/client'
import { observeRoster } from '@roster/client/opentelemetry'
import { rosterMetrics } from '@roster/client/prometheus'
import type { Pod } from '@roster/proto'

const roster: Roster = connectRoster('127.0.0.1', { zone: 'a', defaults: { policy: 'round_robin' } })
export const measures = [rosterMetrics, observeRoster]
export const client = new grpc.Client('roster:///x', grpc.credentials.createInsecure(), roster.channelOptions())
export const list: Promise<{ pods: Pod[] }> = roster.pods.listPods({ namespace: 'x' })
`

describe('the SDK as it is published', () => {
  let directory: string
  let registry: RunningRegistry

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'roster-packed-'))
    registry = await startRegistry({ data: ':memory:', listen: '127.0.0.1:0', logLevel: 'silent' })
    const tarballs = [
      await pack('@roster/proto', directory),
      await pack('@roster/client', directory),
    ]
    await writeFile(join(directory, 'package.json'), '{ "private": true }')
    const flags = ['install', '--prefer-offline', '--no-audit', '--no-fund']
    // Types of Node and of the optional peers, for the programs that are only compiled.
    const types = ['@types/node@20', 'prom-client@15', '@opentelemetry/api@1.9']
    await run('npm', [...flags, ...tarballs, ...types], { cwd: directory })
  }, 60_000)

  afterAll(async () => {
    await registry?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  test('installs nothing that is compiled', async () => {
    const files = await readdir(join(directory, 'node_modules'), { recursive: true })

    expect(files).toContain('@grpc/grpc-js/package.json')
    expect(files.filter((file) => /\.node$|binding\.gyp$|better-sqlite3/.test(file))).toEqual([])
  })

  test.each([
    ['imported', 'program.mjs', IMPORTS],
    ['required', 'program.cjs', REQUIRES],
  ])('works when it is %s', async (name, file, head) => {
    await writeFile(join(directory, file), head + PROGRAM)

    const { stdout, stderr } = await run('node', [file, registry.address, name], {
      cwd: directory,
      timeout: 20_000,
    })

    expect(JSON.parse(stdout)).toEqual({
      answer: `hello, ${name}`,
      picks: 1,
      services: expect.arrayContaining(['roster.v1.PodService']),
    })
    expect(stderr).toBe('')
  })

  test('has types that hold in CommonJS and ES modules, libraries checked too', async () => {
    const files = ['program.cts', 'program.mts']
    for (const file of files) await writeFile(join(directory, file), TYPED)
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const flags = ['--noEmit', '--strict', '--module', 'node16', '--types', 'node']

    const compiled = run(process.execPath, [compiler, ...flags, ...files], { cwd: directory })

    await expect(compiled).resolves.toMatchObject({ stdout: '' })
  }, 40_000)
})
