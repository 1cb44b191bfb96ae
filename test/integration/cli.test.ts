import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type RunningRegistry, startRegistry } from '@roster/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../cli/src/program.ts'
import { type Clients, connect, webPod, webService } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { RawWatcher } from '../support/raw-watcher.ts'

const QUIET = { listen: '127.0.0.1:0', logLevel: 'silent' }
const MAIN = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url))

let registry: RunningRegistry
let admin: Clients
let folder: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'roster-cli-'))
  registry = await startRegistry({ data: ':memory:', ...QUIET })
  admin = connect(registry.address)
})

afterEach(async () => {
  admin.close()
  await registry.stop()
  rmSync(folder, { recursive: true })
})

/** A command under way. */
class Session {
  readonly stop = new AbortController()
  readonly code: Promise<number>
  out = ''
  err = ''

  constructor(args: readonly string[], input = '', env: Record<string, string> = {}) {
    this.code = run(args, {
      env: { ROSTER_REGISTRY: registry.address, ...env },
      now: () => Date.now(),
      out: (text) => {
        this.out += text
      },
      err: (text) => {
        this.err += text
      },
      input: async () => input,
      stopSignal: () => this.stop.signal,
    })
  }
}

/** Runs a command to its end. */
async function roster(args: string, input = '', env: Record<string, string> = {}) {
  const session = new Session(args.split(' '), input, env)
  return { code: await session.code, out: session.out, err: session.err }
}

/** Applies manifests that a test starts from. */
async function given(manifests: string, env: Record<string, string> = {}): Promise<void> {
  const { code, err } = await roster('apply -f -', manifests, env)
  if (code !== 0) throw new Error(err)
}

const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
`
const POD = `apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec: {containers: [{name: main, image: web, ports: [{name: http, containerPort: 8080}]}]}
status: {podIP: 10.0.0.1}
`
const SLICE = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
endpoints: [{addresses: [10.9.0.1]}]
ports: [{port: 5432}]
`
const ALL = [SERVICE, POD, SLICE].join('---\n')

describe('roster apply', () => {
  it('creates, then leaves unchanged, then configures', async () => {
    const path = file('all.yaml', ALL)
    const created = await roster(`apply -f ${path}`)
    const again = await roster(`apply -f ${path}`)
    const changed = await roster('apply -f -', ALL.replaceAll('app: web}}', 'app: web, tier: x}}'))
    expect(created).toEqual({
      code: 0,
      err: '',
      out: 'service/web created\npod/web-1 created\nendpointslice.discovery.k8s.io/db-1 created\n',
    })
    expect(again.out).toBe(
      'service/web unchanged\npod/web-1 unchanged\nendpointslice.discovery.k8s.io/db-1 unchanged\n',
    )
    expect(changed.out).toBe(
      'service/web configured\npod/web-1 configured\nendpointslice.discovery.k8s.io/db-1 unchanged\n',
    )
  })

  it('in a dry run says what it would do and stores nothing', async () => {
    const dry = await roster('apply --dry-run -f -', ALL)
    expect(dry.out).toBe(
      'service/web created (dry run)\npod/web-1 created (dry run)\nendpointslice.discovery.k8s.io/db-1 created (dry run)\n',
    )
    const { services } = await admin.catalog.listServices({})
    const { pods } = await admin.pods.listPods({})
    expect([services, pods]).toEqual([[], []])
  })

  it.each(['svc', 'po', 'eps'])(
    'takes what `get %s` prints and finds nothing to change',
    async (kind) => {
      await given(ALL)
      for (const form of ['yaml', 'json']) {
        const { out } = await roster(`get ${kind} -o ${form}`)
        const again = await roster('apply -f -', out)
        expect(again.err).toBe('')
        expect(again.out).toMatch(/^\S+ unchanged\n$/)
      }
    },
  )

  it('reads the manifests of a directory by name', async () => {
    file('b.yaml', SLICE)
    file(
      'a.json',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'db' },
        spec: { ports: [{ port: 1 }] },
      }),
    )
    file('notes.txt', 'not a manifest')
    const { out } = await roster(`apply -f ${folder}`)
    expect(out).toBe('service/db created\nendpointslice.discovery.k8s.io/db-1 created\n')
  })

  it('sends nothing when anything cannot be read', async () => {
    const path = file('all.yaml', `${SERVICE}---\n${SERVICE.replace('selector', 'selektor')}`)
    const result = await roster(`apply -f ${path}`)
    expect(result).toEqual({
      code: 1,
      out: '',
      err: `error: ${path}, document 2: spec.selektor: unknown field\n`,
    })
    expect((await admin.catalog.listServices({})).services).toEqual([])
  })

  it('goes on after an object the registry refuses, and fails at the end', async () => {
    const bad = SERVICE.replace('port: 80', 'port: 80000').replace('web,', 'bad,')
    const { code, err, out } = await roster('apply -f -', `${bad}---\n${SERVICE}`)
    expect([code, out]).toEqual([1, 'service/web created\n'])
    expect(err).toBe(
      'error: service/bad (standard input, document 1): Service "bad" is invalid\n' +
        '  spec.ports[0].port: Invalid value: 80000: must be between 1 and 65535, inclusive\n',
    )
  })

  it('does not overwrite what has changed since the manifest was printed', async () => {
    await given(SERVICE)
    const { out } = await roster('get svc web -o yaml')
    await given(SERVICE.replace('port: 80', 'port: 81'))
    const late = await roster('apply -f -', out)
    expect([late.code, late.out]).toEqual([1, ''])
    expect(late.err).toMatch(/^error: service\/web \(standard input, document 1\): .*revision/)
  })

  it('goes to the namespace of the manifest, the flag or the environment, in this order', async () => {
    const placed = SERVICE.replace('name: web', 'name: web, namespace: here')
    await given(placed, { ROSTER_NAMESPACE: 'env' })
    await roster('apply -f - -n flag', SERVICE, { ROSTER_NAMESPACE: 'env' })
    await given(SERVICE, { ROSTER_NAMESPACE: 'env' })
    const { services } = await admin.catalog.listServices({})
    expect(services.map((s) => s.metadata?.namespace)).toEqual(['env', 'flag', 'here'])
    const torn = await roster('apply -f - -n flag', placed)
    expect([torn.code, torn.err]).toEqual([
      1,
      'error: standard input, document 1: service/web is of namespace here, not flag: leave one of the two out\n',
    ])
  })

  it('leaves a pod to the process that keeps it alive', async () => {
    const { leaseId } = await admin.leases.grantLease({ ttlMs: 60_000 })
    await admin.pods.registerPod({ pod: webPod('web-1'), leaseId })
    const printed = (await roster('get pod web-1 -n demo -o yaml')).out
    const { out } = await roster('apply -f -', printed.replace('8080', '8081'))
    const { pod } = await admin.pods.getPod({ namespace: 'demo', name: 'web-1' })
    expect(out).toBe('pod/web-1 configured\n')
    expect(pod?.spec?.ports[0]?.containerPort).toBe(8081)
    expect(pod?.status?.leaseId).toBe(leaseId)
  })
})

describe('roster get', () => {
  it('reads page after page', async () => {
    const pods = Array.from({ length: 1200 }, (_, i) => webPod(`p${i}`))
    for (let i = 0; i < pods.length; i += 100) {
      await admin.pods.registerPods({ pods: pods.slice(i, i + 100) })
    }
    const { out } = await roster('get pods -n demo -o name')
    expect(out.trimEnd().split('\n').sort()).toEqual(
      pods.map((p) => `pod/${p.metadata.name}`).sort(),
    )
  })

  it('shows tables, of one namespace or of all', async () => {
    await admin.catalog.applyService(webService('web', 'demo'))
    await given(SERVICE)
    const [one, all] = [await roster('get svc -n demo'), await roster('get svc -A -o wide')]
    expect(one.out).toMatch(
      /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nweb +ClusterIP +127\.96\.\d+\.\d+ +<none> +80\/TCP +\d+s\n$/,
    )
    expect(all.out).toMatch(
      /^NAMESPACE +NAME .* SELECTOR\ndefault +web .* app=web\ndemo +web .* app=web\n$/,
    )
  })

  it('selects by labels', async () => {
    await given(ALL)
    const matching = await roster('get po -o name -l app=web')
    const none = await roster('get po -l app!=web')
    const bad = new Session(['get', 'po', '-l', 'app in (a'])
    expect(matching.out).toBe('pod/web-1\n')
    expect(none).toEqual({ code: 0, out: '', err: 'No resources found in default namespace.\n' })
    expect(await bad.code).toBe(1)
    expect(bad.err).toMatch(/^error: .*\n {2}label_selector: /)
  })

  it('shows resolved endpoints', async () => {
    await given(ALL)
    const list = await roster('get endpoints')
    const yaml = await roster('get ep web -o yaml')
    expect(list.out).toMatch(/^NAME +ENDPOINTS +AGE\nweb +10\.0\.0\.1:8080 +\d+s\n$/)
    expect(yaml.out).toContain('subsets:\n- addresses:\n  - ip: 10.0.0.1\n')
    expect(await roster('get ep nope')).toMatchObject({ code: 1, out: '' })
  })

  it('shows what there is and names what there is not', async () => {
    await given(ALL)
    const { code, err, out } = await roster('get svc/nope pod/web-1 -o name')
    expect([code, out]).toEqual([1, 'pod/web-1\n'])
    expect(err).toMatch(/^error: service default\/nope not found/)
  })
})

describe('roster describe', () => {
  it('shows a service with its endpoints, and why it has none', async () => {
    await given(SERVICE)
    const before = await roster('describe svc web')
    await given(POD)
    const after = await roster('describe service/web')
    expect(before.out).toContain('<none> (no pod has the labels the selector asks for)\n')
    expect(after.out).toMatch(/^Name: +web\nNamespace: +default\n/)
    expect(after.out).toMatch(/\nEndpoints: +10\.0\.0\.1:8080\n/)
  })

  it.each(['po web-1', 'ep web', 'eps db-1'])('shows %s', async (object) => {
    await given(ALL)
    const { code, out } = await roster(`describe ${object}`)
    expect(code).toBe(0)
    expect(out).toMatch(/^Name: +\S+\nNamespace: +default\n/)
    expect(out).toMatch(/10\.\d\.0\.1/)
  })
})

describe('roster delete', () => {
  it('deletes by name and says what is not there', async () => {
    await given(ALL)
    const { code, err, out } = await roster('delete service/web pod/web-1 eps/db-1 svc/nope')
    expect(out).toBe('service "web" deleted\npod "web-1" deleted\nendpointslice "db-1" deleted\n')
    expect(code).toBe(1)
    expect(err).toMatch(/^error: service default\/nope not found/)
    expect((await roster('delete svc nope --ignore-not-found')).code).toBe(0)
  })

  it('deletes what manifests name', async () => {
    await given(ALL)
    const { code, out } = await roster('delete -f -', ALL)
    expect([code, out]).toEqual([
      0,
      'service "web" deleted\npod "web-1" deleted\nendpointslice "db-1" deleted\n',
    ])
  })
})

describe('roster watch', () => {
  it('shows what comes and what goes, until it is stopped', async () => {
    await given(SERVICE)
    const session = new Session(['watch', 'web'])
    await eventually(() => session.out.includes('EMPTY'))
    await given(POD)
    await eventually(() => session.out.includes('ADDED'))
    await roster('delete pod web-1')
    await eventually(() => session.out.includes('scaled to zero'))
    session.stop.abort()
    expect(await session.code).toBe(0)
    const rows = session.out
      .trimEnd()
      .split('\n')
      .map((row) => row.split(/ {2,}/).slice(1))
    expect(rows).toEqual([
      ['SERVICE', 'EVENT', 'ENDPOINT', 'ADDRESSES', 'STATE'],
      ['default/web', 'EMPTY', '<none>', '<none>', 'no pod has the labels the selector asks for'],
      ['default/web', 'ADDED', 'web-1', '10.0.0.1:8080', 'Ready'],
      ['default/web', 'REMOVED', 'web-1', '10.0.0.1:8080', '<none>'],
      ['default/web', 'EMPTY', '<none>', '<none>', 'scaled to zero'],
    ])
  })

  it('of everything writes a line of JSON for each event', async () => {
    const session = new Session(['watch', '-A', '-o', 'json'])
    await admin.catalog.applyService(webService('web', 'demo'))
    await admin.pods.registerPod({ pod: webPod('web-1') })
    await eventually(() => session.out.includes('ADDED'))
    session.stop.abort()
    await session.code
    const events = session.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events.at(-1)).toMatchObject({
      type: 'ADDED',
      namespace: 'demo',
      service: 'web',
      endpoint: { pod: 'web-1', addresses: ['127.0.0.1'], ready: true },
    })
  })

  it('goes on where it was after a restart of the registry', async () => {
    admin.close()
    await registry.stop()
    const data = join(folder, 'roster.db')
    registry = await startRegistry({ data, ...QUIET })
    const { address } = registry
    admin = connect(address)
    await given(`${SERVICE}---\n${POD}`)
    const session = new Session(['watch', 'web', '-o', 'json'])
    await eventually(() => session.out.includes('web-1'))
    await registry.stop()
    await eventually(() => session.err.includes('trying again'))
    registry = await startRegistry({ data, ...QUIET, listen: address })
    await admin.pods.registerPod({ pod: webPod('web-2', 'web', 'default') })
    await eventually(() => session.out.includes('web-2'))
    session.stop.abort()
    await session.code
    const events = session.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events.map((e) => `${e.type} ${e.endpoint.pod}`)).toEqual(['ADDED web-1', 'ADDED web-2'])
  })
})

describe('roster drain', () => {
  const watching = async (name: string) => {
    const watcher = new RawWatcher(name, admin, { subscribe: { service: 'web' } })
    await eventually(() => watcher.ready.get('web')?.has('web-1') === true)
    return watcher
  }

  it('waits for the watchers of the pod, and counts them', async () => {
    await given(ALL)
    const watchers = [await watching('a'), await watching('b')]
    const session = new Session(['drain', 'web-1'])
    for (const watcher of watchers) {
      await watcher.hasLost('web', 'web-1')
      watcher.ack()
    }
    expect([await session.code, session.out, session.err]).toEqual([
      0,
      'pod/web-1 drained: 2 watchers have it\n',
      '',
    ])
    for (const watcher of watchers) watcher.close()
  })

  it('names who has not acknowledged in time, and fails', async () => {
    await given(ALL)
    const [quick, silent] = [await watching('quick'), await watching('silent')]
    const session = new Session('drain web-1 --timeout 300ms'.split(' '))
    await quick.hasLost('web', 'web-1')
    quick.ack()
    expect([await session.code, session.out, session.err]).toEqual([
      1,
      '',
      'error: pod/web-1 is marked, but after 300ms 1 of 2 watchers may still call it:\n' +
        '  silent (has acknowledged nothing)\n',
    ])
    quick.close()
    silent.close()
  })

  it('of a pod nobody watches is done at once, in the namespace it is told', async () => {
    await admin.pods.registerPod({ pod: webPod('web-1') })
    const drained = await roster('drain web-1 -n demo')
    const absent = await roster('drain web-1')
    expect(drained).toEqual({
      code: 0,
      out: 'pod/web-1 drained: nobody watches its services\n',
      err: '',
    })
    expect([absent.code, absent.err]).toEqual([
      1,
      'error: pod default/web-1 not found: check the name and the namespace\n',
    ])
  })
})

describe('roster register', () => {
  const ARGS = 'register web-1 --label app=web --port http=8080 --zone a --weight 7'

  it('keeps a pod registered until it is stopped, then takes it out', async () => {
    const session = new Session(ARGS.split(' '))
    await eventually(() => session.out.includes('registered'))
    const { pod } = await admin.pods.getPod({ name: 'web-1' })
    session.stop.abort()
    expect(await session.code).toBe(0)
    expect(pod).toMatchObject({
      metadata: { labels: { app: 'web' } },
      spec: { ports: [{ name: 'http', containerPort: 8080 }], zone: 'a', weight: 7 },
      status: { podIps: ['127.0.0.1'], ready: true },
    })
    expect(session.out).toMatch(
      /^pod\/web-1 registered \(lease \S+, ttl 15s\)\npod\/web-1 deregistered\n$/,
    )
    expect((await admin.pods.listPods({})).pods).toEqual([])
  })

  it('outlives its time to live many times over', async () => {
    const session = new Session([...ARGS.split(' '), '--ttl', '1s'])
    await eventually(() => session.out.includes('registered'))
    const before = (await admin.pods.getPod({ name: 'web-1' })).pod?.metadata
    const end = performance.now() + 2_500
    await eventually(async () => {
      await admin.pods.getPod({ name: 'web-1' })
      return performance.now() > end
    })
    const after = (await admin.pods.getPod({ name: 'web-1' })).pod?.metadata
    session.stop.abort()
    await session.code
    expect(after).toEqual(before)
    expect(session.err).toBe('')
  })

  it('registers again under the same uid when its lease is lost', async () => {
    const session = new Session([...ARGS.split(' '), '--ttl', '1s'])
    await eventually(() => session.out.includes('registered'))
    const { pod } = await admin.pods.getPod({ name: 'web-1' })
    await admin.leases.revokeLease({ leaseId: pod?.status?.leaseId ?? '' })
    await eventually(() => session.out.split(' registered').length === 3)
    const again = (await admin.pods.getPod({ name: 'web-1' })).pod
    session.stop.abort()
    await session.code
    expect(again?.metadata?.uid).toBe(pod?.metadata?.uid)
    expect(again?.status?.leaseId).not.toBe(pod?.status?.leaseId)
    expect(session.err).toBe('pod/web-1: its lease ran out, registering again\n')
  })

  it('as a program takes the pod out on SIGTERM', async () => {
    const child = spawn(process.execPath, [MAIN, ...ARGS.split(' ')], {
      env: { ...process.env, ROSTER_REGISTRY: registry.address },
    })
    const ended = new Promise((resolve) => child.once('close', resolve))
    await eventually(() => admin.pods.getPod({ name: 'web-1' }))
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect((await admin.pods.listPods({})).pods).toEqual([])
  })
})

describe('roster', () => {
  it('asks whether the registry serves', async () => {
    expect(await roster('health')).toEqual({ code: 0, out: 'SERVING\n', err: '' })
  })

  it.each(['health', 'get svc', 'watch web', 'register web-1 --ip 127.0.0.1'])(
    'says of `%s` without a registry where there is none and what to do',
    async (args) => {
      const address = registry.address
      await registry.stop()
      const { code, err } = await roster(args)
      expect(code).toBe(1)
      expect(err).toBe(
        `error: cannot reach the registry at ${address}: connect ECONNREFUSED ${address}\n` +
          '  start one with "roster serve", or name another with --registry HOST:PORT or ROSTER_REGISTRY\n',
      )
    },
  )

  it('sends the token it is given', async () => {
    const guarded = await startRegistry({ data: ':memory:', token: 'secret', ...QUIET })
    const at = { ROSTER_REGISTRY: guarded.address }
    const without = await roster('get svc', '', at)
    const flag = await roster('get svc --token secret', '', at)
    const env = await roster('get svc', '', { ...at, ROSTER_TOKEN: 'secret' })
    await guarded.stop()
    expect([without.code, flag.code, env.code]).toEqual([1, 0, 0])
    expect(without.err).toContain("  give the registry's token with --token or ROSTER_TOKEN\n")
  })

  it.each([
    'bogus',
    'get',
    'get deployments',
    'get svc --bogus',
    'get svc -o xml',
    'get svc --timeout soon',
    'get svc --registry nowhere',
    'get svc web -A',
    'apply',
    'delete',
    'delete svc',
    'delete svc web -f -',
    'drain',
    'drain web-1 --timeout soon',
    'watch',
    'watch web --all',
    'register web-1 --label app',
    'register web-1 --port http',
    'register web-1 --weight heavy',
    'register web-1 --ttl 0',
    '-n demo serve',
  ])('answers `%s` with exit code 2 and one line that says why', async (args) => {
    const { code, err, out } = await roster(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^error: [^\n]+\n$/)
  })

  it('tells its version and its commands', async () => {
    const version = await roster('version')
    const help = await roster('--help')
    expect(version.out).toMatch(/^roster \d+\.\d+\.\d+\n$/)
    expect(help.code).toBe(0)
    for (const name of [
      'serve',
      'apply',
      'get',
      'describe',
      'delete',
      'watch',
      'drain',
      'register',
      'health',
    ]) {
      expect(help.out).toMatch(new RegExp(`^ {2}${name} `, 'm'))
    }
  })

  it('as a program hands all flags after serve to the server', async () => {
    const child = spawn(process.execPath, [MAIN, 'serve', '--help'])
    let out = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect(code).toBe(0)
    expect(out).toContain('--data <file>')
  })
})
