import type { HTTPGetAction, Probe, Probe__Output, TCPSocketAction } from '@roster/proto'
import type { Fields } from './fields.ts'
import { type Manifest, present, telling } from './manifest.ts'

/** The readiness probe of a Pod manifest: a pod here is one program, so the first of its containers counts. */
export function parseReadinessProbe(spec: Fields): Probe | undefined {
  for (const container of spec.objects('containers') ?? []) {
    const probe = container.object('readinessProbe')
    if (probe !== undefined) return parseProbe(probe)
  }
  return undefined
}

function parseProbe(probe: Fields): Probe {
  if (probe.object('exec') !== undefined) {
    probe.problem(
      'exec',
      'not supported: the registry runs no commands in pods; use httpGet, tcpSocket or grpc',
    )
  }
  const httpGet = probe.object('httpGet')
  const tcpSocket = probe.object('tcpSocket')
  const grpc = probe.object('grpc')
  return present({
    httpGet: httpGet && parseHTTPGet(httpGet),
    tcpSocket: tcpSocket && parseTCPSocket(tcpSocket),
    grpc: grpc && present({ port: grpc.integer('port'), service: grpc.text('service') }),
    initialDelaySeconds: probe.integer('initialDelaySeconds'),
    timeoutSeconds: probe.integer('timeoutSeconds'),
    periodSeconds: probe.integer('periodSeconds'),
    successThreshold: probe.integer('successThreshold'),
    failureThreshold: probe.integer('failureThreshold'),
  })
}

const parseHTTPGet = (action: Fields): HTTPGetAction =>
  present({
    path: action.text('path'),
    port: action.integerOrText('port'),
    host: action.text('host'),
    scheme: action.text('scheme'),
    httpHeaders: action
      .objects('httpHeaders')
      ?.map((header) => present({ name: header.text('name'), value: header.text('value') })),
  })

const parseTCPSocket = (action: Fields): TCPSocketAction =>
  present({ port: action.integerOrText('port'), host: action.text('host') })

/** A probe as a container's `readinessProbe` has it. */
export function probeManifest({ httpGet, tcpSocket, grpc, ...timing }: Probe__Output): Manifest {
  return telling({
    failureThreshold: timing.failureThreshold,
    ...(grpc && { grpc: telling({ port: grpc.port, service: grpc.service }) }),
    ...(httpGet && {
      httpGet: telling({
        host: httpGet.host,
        httpHeaders: httpGet.httpHeaders.map(({ name, value }) => ({ name, value })),
        path: httpGet.path,
        port: portManifest(httpGet.port),
        scheme: httpGet.scheme,
      }),
    }),
    initialDelaySeconds: timing.initialDelaySeconds,
    periodSeconds: timing.periodSeconds,
    successThreshold: timing.successThreshold,
    ...(tcpSocket && {
      tcpSocket: telling({ host: tcpSocket.host, port: portManifest(tcpSocket.port) }),
    }),
    timeoutSeconds: timing.timeoutSeconds,
  })
}

const portManifest = (port: string): number | string => (/^\d+$/.test(port) ? Number(port) : port)
