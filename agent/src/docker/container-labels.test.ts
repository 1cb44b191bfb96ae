import { describe, expect, it } from 'vitest'
import { readLabels } from './container-labels.ts'

const read = (
  labels: Readonly<Record<string, string>> | null,
  more: { readonly env?: readonly string[]; readonly ports?: readonly string[] } = {},
  isExposedByDefault = false,
) => {
  const ExposedPorts = Object.fromEntries((more.ports ?? []).map((port) => [port, {}]))
  const Config = { Labels: labels, Env: more.env ?? null, ExposedPorts }
  return readLabels({ Config }, isExposedByDefault)
}

/** The ports of each service, by name. */
const portsOf = ({ services }: ReturnType<typeof read>) =>
  Object.fromEntries(
    [...services].map(([name, { spec }]) => [
      name,
      spec.ports.map(({ port, protocol }) => `${port}/${protocol}`),
    ]),
  )

describe('the labels of a container', () => {
  it.each([
    [{}, false, false],
    [{}, true, true],
    [{ 'roster.enable': 'true' }, false, true],
    [{ 'roster.enable': 'false' }, true, false],
    [{ SERVICE_IGNORE: 'true' }, true, false],
    [{ SERVICE_IGNORE: 'true', 'roster.enable': 'true' }, false, true],
    [{ 'roster.enable': 'yes' }, false, false],
  ])('%j, where the default is %s, make it a pod: %s', (labels, byDefault, isExposed) => {
    expect(read(labels, {}, byDefault).isExposed).toBe(isExposed)
  })

  it('say where and how it is reached', () => {
    const wishes = read({
      'roster.namespace': 'shop',
      'roster.hostname': 'db-0',
      'roster.network': 'mesh',
      'roster.address': '192.0.2.1',
      tier: 'front',
    })
    expect(wishes).toMatchObject({
      namespace: 'shop',
      hostname: 'db-0',
      network: 'mesh',
      address: '192.0.2.1',
      otherLabels: { tier: 'front' },
      problems: [],
    })
  })

  it.each([
    ['roster.readiness.tcp', '8080', { type: 'tcp', port: 8080 }],
    [
      'roster.readiness.http',
      '8080/healthz?a=b',
      { type: 'http', port: 8080, path: '/healthz?a=b' },
    ],
    ['roster.readiness.http', '8080', { type: 'http', port: 8080, path: '/' }],
    ['roster.readiness', 'none', { type: 'none' }],
  ])('%s=%s says what is asked before it is ready', (key, value, readiness) => {
    expect(read({ [key]: value }).readiness).toEqual(readiness)
  })

  it.each([
    ['roster.enable', 'yes'],
    ['roster.readiness.tcp', '0'],
    ['roster.readiness.http', '/healthz'],
    ['roster.readiness', 'maybe'],
    ['roster.services.web', '80'],
    ['roster.services.web.ports.http', 'http'],
    ['roster.constructor', 'x'],
  ])('%s=%s is a problem that is told, and nothing else', (key, value) => {
    const { problems, readiness } = read({ [key]: value })
    expect(problems).toEqual([expect.stringContaining(`label ${key}=${value}: `)])
    expect(readiness).toBeUndefined()
  })
})

describe('the words of Registrator', () => {
  const ports = ['8080/tcp', '53/udp']

  it('name the service of the only port', () => {
    expect(portsOf(read({ SERVICE_NAME: 'web' }, { ports: ['8080/tcp'] }))).toEqual({
      web: ['8080/TCP'],
    })
  })

  it('name a service for each of many ports', () => {
    expect(portsOf(read({ SERVICE_NAME: 'web', SERVICE_53_NAME: 'dns' }, { ports }))).toEqual({
      'web-8080': ['8080/TCP'],
      dns: ['53/UDP'],
    })
  })

  it('may stand in the environment, where labels do not say otherwise', () => {
    const env = ['SERVICE_53_NAME=dns', 'SERVICE_8080_NAME=old', 'PATH=/bin']
    expect(portsOf(read({ SERVICE_8080_NAME: 'web' }, { env, ports }))).toEqual({
      dns: ['53/UDP'],
      web: ['8080/TCP'],
    })
  })

  it('leave a port out', () => {
    const labels = { SERVICE_NAME: 'web', SERVICE_53_IGNORE: 'yes' }
    expect(portsOf(read(labels, { ports }))).toEqual({ 'web-8080': ['8080/TCP'] })
  })

  it('mean nothing beside our own', () => {
    const labels = { SERVICE_NAME: 'old', 'roster.services.web.ports.http': '80:8080' }
    expect(portsOf(read(labels, { ports }))).toEqual({ web: ['80/TCP'] })
  })
})
