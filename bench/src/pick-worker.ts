import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { Metadata, status } from '@grpc/grpc-js'
import type { PickArgs, Picker, PickResult } from '../../client/dist/grpc/adapter.js'
import { EndpointLoad } from '../../client/dist/policies/endpoint-load.js'
import { createPicker, type ReadyEndpoint } from '../../client/dist/policies/picker.js'
import { parsePolicy } from '../../client/dist/policies/policy-config.js'
import { grpcJsPicker, standingSubchannel } from './grpc-js-pickers.ts'
import { median } from './statistics.ts'

/** Turns of the event loop with picks in them; the first tenth warms up. */
const TURNS = 3_000
/** Picks in one turn: as on a busy client, and enough to be measured. */
const PICKS = 200
const REQUEST_HEADERS = ['grpc-accept-encoding', 'accept-encoding', 'authorization', 'x-request-id']

/** What a worker measures: a policy of the SDK, and of grpc-js the one like it, if any. */
export interface PickTask {
  readonly policy: string
  readonly grpcJsPolicy?: string
  readonly endpoints: number
}

/** Medians in nanoseconds. */
export interface PickFigures {
  readonly pickNs: number
  /** A pick with the start and the end of its call. */
  readonly callNs: number
  readonly grpcJsPickNs?: number
}

async function measure({ policy, grpcJsPolicy, endpoints }: PickTask): Promise<PickFigures> {
  const ours = new Contender(createPicker(readyEndpoints(endpoints), parsePolicy({ policy })))
  const theirs =
    grpcJsPolicy === undefined ? undefined : new Contender(grpcJsPicker(grpcJsPolicy, endpoints))
  const metadata = Array.from({ length: PICKS }, requestMetadata)
  for (let turn = 0; turn < TURNS; turn++) {
    ours.pick(metadata)
    await nextTurn()
    theirs?.pick(metadata)
    await nextTurn()
  }
  return { ...ours.figures, ...(theirs && { grpcJsPickNs: theirs.figures.pickNs }) }
}

/** A picker and what it has taken, turn by turn. */
class Contender {
  readonly #picker: Picker
  readonly #results: PickResult[] = []
  readonly #picksNs: number[] = []
  readonly #callsNs: number[] = []

  constructor(picker: Picker) {
    this.#picker = picker
  }

  get figures() {
    const warm = TURNS / 10
    return { pickNs: median(this.#picksNs.slice(warm)), callNs: median(this.#callsNs.slice(warm)) }
  }

  pick(metadata: readonly Metadata[]): void {
    const calls = metadata.map((of): PickArgs => ({ metadata: of, extraPickInfo: {} }))
    const startMs = performance.now()
    let i = 0
    for (const call of calls) this.#results[i++] = this.#picker.pick(call)
    const pickedMs = performance.now()
    for (const result of this.#results) {
      // As grpc-js calls them: the one as a method, the other by itself.
      result.onCallStarted?.()
      const { onCallEnded } = result
      onCallEnded?.(status.OK, '', NO_TRAILERS)
    }
    this.#picksNs.push(nsEach(pickedMs - startMs))
    this.#callsNs.push(nsEach(performance.now() - startMs))
  }
}

const NO_TRAILERS = new Metadata()

const nsEach = (ms: number): number => (ms * 1e6) / PICKS

/** They weigh 100 to 500. */
const readyEndpoints = (count: number): ReadyEndpoint[] =>
  Array.from({ length: count }, (_, n) => {
    const id = `pod-${n}/uid-${n}`
    const weight = 100 * (1 + (n % 5))
    const endpoint = {
      id,
      pod: `pod-${n}`,
      addresses: ['127.0.0.1'],
      ports: [],
      ready: true,
      serving: true,
      terminating: false,
      hostname: '',
      nodeName: '',
      zone: '',
      weight,
      notIdempotentMethods: [],
      hash: n,
    }
    return { key: id, endpoint, subchannel: standingSubchannel(), load: new EndpointLoad(), weight }
  })

/** Of a call without hints, as it reaches a picker. */
function requestMetadata(): Metadata {
  const metadata = new Metadata()
  for (const header of REQUEST_HEADERS) metadata.set(header, 'value')
  return metadata
}

parentPort?.postMessage(await measure(workerData as PickTask))
