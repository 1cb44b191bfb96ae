import { isIPv6 } from 'node:net'
import type { Probe__Output } from '@roster/proto'
import { NONE } from './table.ts'

/** A probe in one line, as `kubectl describe pod` has it (kubectl pkg/describe DescribeProbe). */
export function printProbe(probe: Probe__Output | null | undefined): string {
  if (!probe) return NONE
  const timing = [
    `delay=${probe.initialDelaySeconds}s`,
    `timeout=${probe.timeoutSeconds}s`,
    `period=${probe.periodSeconds}s`,
    `#success=${probe.successThreshold}`,
    `#failure=${probe.failureThreshold}`,
  ].join(' ')
  return `${printHandler(probe)} ${timing}`
}

function printHandler({ httpGet, tcpSocket, grpc }: Probe__Output): string {
  if (httpGet !== null) {
    const host = isIPv6(httpGet.host) ? `[${httpGet.host}]` : httpGet.host
    return `http-get ${httpGet.scheme.toLowerCase()}://${host}:${httpGet.port}${httpGet.path}`
  }
  if (tcpSocket !== null) return `tcp-socket ${tcpSocket.host}:${tcpSocket.port}`
  if (grpc !== null) return `grpc <pod>:${grpc.port}${grpc.service && ` ${grpc.service}`}`
  return 'unknown'
}
