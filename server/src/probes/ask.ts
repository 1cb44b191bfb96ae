import type { Pod } from '../model/pod.ts'
import type { Probe } from '../model/probe.ts'
import type { Address } from './address.ts'
import { probeGrpc } from './grpc-probe.ts'
import { probeHttp } from './http-probe.ts'
import { type Outcome, unanswered } from './outcome.ts'
import { probeTcp } from './tcp-probe.ts'

/** Asks a pod once, as its probe says. Never fails. */
export function ask(pod: Pod, probe: Probe, signal: AbortSignal): Promise<Outcome> {
  const limits = { timeoutMs: toTimerMs(probe.timeoutSeconds), signal }
  const { httpGet, tcpSocket, grpc } = probe
  const action = httpGet ?? tcpSocket ?? grpc
  if (action === undefined) {
    return Promise.resolve(unanswered('probe', 'NoHandler', 'the probe names no way of asking'))
  }
  const address = addressOf(pod, 'host' in action ? action.host : '', action.port)
  if (!('host' in address)) return Promise.resolve(address)
  if (httpGet !== undefined) return probeHttp(address, httpGet, limits)
  if (grpc !== undefined) return probeGrpc(address, grpc.service, limits)
  return probeTcp(address, limits)
}

/** Milliseconds a timer of Node can wait; more would be none at all. */
export const toTimerMs = (seconds: number): number => Math.min(seconds * 1000, 2 ** 31 - 1)

function addressOf(pod: Pod, ownHost: string, port: number | string): Address | Outcome {
  const host = ownHost || pod.status.podIPs[0]
  if (host === undefined) return unanswered('probe', 'NoAddress', 'the pod has no address')
  if (typeof port === 'number') return { host, port }
  const named = pod.spec.ports.find(({ name }) => name === port)
  if (named !== undefined) return { host, port: named.containerPort }
  return unanswered('probe', 'NoSuchPort', `the pod has no port named ${JSON.stringify(port)}`)
}
