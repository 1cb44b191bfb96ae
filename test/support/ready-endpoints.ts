import { connectivityState, Metadata, status } from '@grpc/grpc-js'
import type { PickArgs, PickResult, Subchannel } from '../../client/src/grpc/adapter.ts'
import { ScratchSelector } from '../../client/src/grpc/service-config.ts'
import { EndpointLoad } from '../../client/src/policies/endpoint-load.ts'
import type { ReadyEndpoint } from '../../client/src/policies/ready-endpoint.ts'
import { endpointAt } from './hand-fed-source.ts'

/** A ready endpoint. Pickers only pass subchannels on, so its subchannel is just its name. */
export function readyEndpoint(
  id: string,
  { weight = 100, pod = '', load = new EndpointLoad(), key = id }: Partial<ReadyOptions> = {},
): ReadyEndpoint {
  const subchannel = { id, getConnectivityState: () => connectivityState.READY }
  return {
    key,
    endpoint: endpointAt({ name: id, port: 1 }, { pod, weight }),
    subchannel: subchannel as unknown as Subchannel,
    load,
    weight,
  }
}

interface ReadyOptions {
  readonly weight: number
  readonly pod: string
  readonly load: EndpointLoad
  readonly key: string
}

/** Endpoints e0, e1, ... of these weights. */
export const readyEndpoints = (weights: readonly number[]): ReadyEndpoint[] =>
  weights.map((weight, i) => readyEndpoint(`e${i}`, { weight }))

/** So many that weigh the same. */
export const equalEndpoints = (count: number): ReadyEndpoint[] =>
  readyEndpoints(Array.from({ length: count }, () => 100))

/** The arguments of one call: every attempt of it picks with the same ones. */
export function callArgs(headers: Readonly<Record<string, string>> = {}): PickArgs {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  const { pickInformation } = new ScratchSelector().invoke('/test.v1.EchoService/Echo', metadata)
  return { metadata, extraPickInfo: pickInformation }
}

/** Id of the endpoint that was picked; empty when there was none. */
export const pickedId = ({ subchannel }: PickResult): string =>
  (subchannel as unknown as { readonly id: string } | null)?.id ?? ''

/** Begins the call of a pick. What it returns ends it, detached as grpc-js does. */
export function begin(result: PickResult): (code?: status) => void {
  result.onCallStarted?.()
  const { onCallEnded } = result
  return (code = status.OK) => onCallEnded?.(code, '', new Metadata())
}

/** How often each id occurs. */
export function countOf(ids: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}

/** Numbers from 0 to 1 that look random and are the same in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    // The low bits of such a sequence have short periods.
    return ((state >>> 8) ^ (state >>> 20)) / 2 ** 24
  }
}
