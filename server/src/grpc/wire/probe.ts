import type * as proto from '@roster/proto'
import type { Probe } from '../../model/probe.ts'
import type { PodCondition } from '../../model/probed.ts'
import { timestampOf } from './meta.ts'

/** A probe as it is stored. */
export function probeTo({ httpGet, tcpSocket, grpc, ...timing }: Probe): proto.Probe {
  const message: proto.Probe = { ...timing }
  if (httpGet !== undefined) {
    const httpHeaders = httpGet.httpHeaders.map((header) => ({ ...header }))
    message.httpGet = { ...httpGet, port: String(httpGet.port), httpHeaders }
  }
  if (tcpSocket !== undefined) {
    message.tcpSocket = { ...tcpSocket, port: String(tcpSocket.port) }
  }
  if (grpc !== undefined) message.grpc = grpc
  return message
}

export const conditionTo = (condition: PodCondition) => ({
  ...condition,
  lastTransitionTime: timestampOf(Date.parse(condition.lastTransitionTime)),
})
