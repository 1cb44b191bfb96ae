import { BlockList } from 'node:net'
import type { Backend, Frontend } from '../model/frontend.ts'
import { BackendPicker } from './backend-picker.ts'

/** What a frontend does with a client, by the client's address: let it in or not, and whereto. */
export class ClientRules {
  readonly #outside = new BackendPicker()
  readonly #inside = new BackendPicker()
  #frontend: Frontend
  #allowed: BlockList | undefined

  constructor(frontend: Frontend) {
    this.#frontend = frontend
    this.update(frontend)
  }

  /** Whether the client's address matters at all: asking the kernel for it costs. */
  get needsClient(): boolean {
    const { sourceRanges, insideBackends, affinityTimeoutMs } = this.#frontend
    return sourceRanges.length > 0 || !!insideBackends || affinityTimeoutMs !== undefined
  }

  update(frontend: Frontend): void {
    this.#frontend = frontend
    this.#allowed = frontend.sourceRanges.length > 0 ? listOf(frontend.sourceRanges) : undefined
    this.#outside.update(frontend.backends, frontend.affinityTimeoutMs)
    this.#inside.update(frontend.insideBackends ?? [], frontend.affinityTimeoutMs)
  }

  /** Whether loadBalancerSourceRanges let the client in. */
  allows(client: string): boolean {
    return this.#allowed?.check(client, client.includes(':') ? 'ipv6' : 'ipv4') ?? true
  }

  /** A backend for the client, whose connection came in at the address `own`. */
  pick(client: string, own: string, tried: ReadonlySet<string>): Backend | undefined {
    const isInside = client.startsWith('127.') || client === own
    const picker = isInside && this.#frontend.insideBackends ? this.#inside : this.#outside
    return picker.pick(client, tried)
  }

  /** Whether the endpoint is still one to send to. */
  has(endpointId: string): boolean {
    return [this.#outside, this.#inside].some(({ backends }) =>
      backends.some((backend) => backend.endpointId === endpointId),
    )
  }
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [network = '', bits = ''] = range.split('/')
    list.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4')
  }
  return list
}
