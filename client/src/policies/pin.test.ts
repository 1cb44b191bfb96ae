import * as grpc from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { echo, startBackend } from '../../../test/support/echo-backend.ts'
import { endpointAt, HandFedSource } from '../../../test/support/hand-fed-source.ts'
import {
  callArgs,
  equalEndpoints,
  pickedId,
  readyEndpoint,
} from '../../../test/support/ready-endpoints.ts'
import { PickResultType } from '../grpc/adapter.ts'
import { channelOptions } from '../grpc/channel-options.ts'
import { registerWithGrpc } from '../grpc/register.ts'
import { AVOID_HEADER, ENDPOINT_HEADER, ENDPOINT_MODE_HEADER } from './call-hints.ts'
import { createPicker } from './picker.ts'
import { parsePolicy } from './policy-config.ts'

const POLICIES = ['peak_ewma', 'least_request', 'round_robin', 'weighted', 'maglev']
const STRICT = { [ENDPOINT_MODE_HEADER]: 'strict' }

const pickerOf = (policy: string, ready = equalEndpoints(5)) =>
  createPicker(ready, parsePolicy({ policy }))

describe.each(POLICIES)('a pin over %s', (policy) => {
  it('decides which endpoint is picked', () => {
    const picker = pickerOf(policy)
    const ids = Array.from({ length: 30 }, () =>
      pickedId(picker.pick(callArgs({ [ENDPOINT_HEADER]: 'e3' }))),
    )
    expect(new Set(ids)).toEqual(new Set(['e3']))
  })

  it('does not bind the retry of a call that its endpoint has failed', () => {
    const picker = pickerOf(policy)
    const args = callArgs({ [ENDPOINT_HEADER]: 'e3' })
    picker.pick(args)
    expect(pickedId(picker.pick(args))).not.toBe('e3')
  })

  it('leaves a call to the policy when its endpoint is not there', () => {
    const result = pickerOf(policy).pick(callArgs({ [ENDPOINT_HEADER]: 'gone' }))
    expect(result.pickResultType).toBe(PickResultType.COMPLETE)
  })

  it('is counted like any other pick', () => {
    const ready = equalEndpoints(2)
    pickerOf(policy, ready).pick(callArgs({ [ENDPOINT_HEADER]: 'e1' }))
    expect(ready.map(({ load }) => load.picks)).toEqual([0, 1])
  })

  it('gives way to what the call avoids', () => {
    const picker = pickerOf(policy)
    const ids = Array.from({ length: 60 }, () =>
      pickedId(picker.pick(callArgs({ [AVOID_HEADER]: 'e0,e1,e2' }))),
    )
    expect([...new Set(ids)].filter((id) => !['e3', 'e4'].includes(id))).toEqual([])
  })

  it('avoids nothing when there is nothing else', () => {
    const picker = pickerOf(policy, equalEndpoints(1))
    expect(pickedId(picker.pick(callArgs({ [AVOID_HEADER]: 'e0' })))).toBe('e0')
  })
})

describe('a pin', () => {
  it('may name the pod', () => {
    const picker = pickerOf('round_robin', [
      readyEndpoint('web-1/u1', { pod: 'web-1' }),
      readyEndpoint('web-2/u2', { pod: 'web-2' }),
    ])
    const ids = ['web-2', 'web-2', 'web-2/u2'].map((name) =>
      pickedId(picker.pick(callArgs({ [ENDPOINT_HEADER]: name }))),
    )
    expect(new Set(ids)).toEqual(new Set(['web-2/u2']))
  })

  it('that is strict refuses the call when its endpoint is not there', () => {
    const { pickResultType, status } = pickerOf('round_robin').pick(
      callArgs({ [ENDPOINT_HEADER]: 'gone', ...STRICT }),
    )
    expect([pickResultType, status?.code, status?.details]).toEqual([
      PickResultType.DROP,
      grpc.status.UNAVAILABLE,
      'endpoint gone is not ready: leave out roster-endpoint-mode: strict to let another endpoint serve',
    ])
  })

  it('that is strict refuses to try elsewhere', () => {
    const picker = pickerOf('round_robin')
    const args = callArgs({ [ENDPOINT_HEADER]: 'e1', ...STRICT })
    picker.pick(args)
    expect(picker.pick(args).status?.details).toContain('endpoint e1 has failed this call')
  })
})

describe('a pinned call on a channel', () => {
  const opened: (() => unknown)[] = []
  beforeEach(() => registerWithGrpc())
  afterEach(async () => {
    for (const close of opened.splice(0)) await close()
  })

  async function channelTo(...names: string[]) {
    const backends = await Promise.all(names.map((name) => startBackend(name)))
    const source = new HandFedSource()
    source.feed(backends.map((backend) => endpointAt(backend)))
    const options = channelOptions(source)
    const client = new grpc.Client('roster:///pin/web', grpc.credentials.createInsecure(), options)
    opened.push(() => client.close(), ...backends.map((backend) => () => backend.kill()))
    return { client, backends }
  }

  it('reaches its endpoint, and the hint does not', async () => {
    const { client, backends } = await channelTo('a', 'b')
    const seen: string[] = []
    for (const backend of backends) {
      backend.onMetadata = (metadata) => seen.push(...Object.keys(metadata.getMap()))
    }
    const headers = { [ENDPOINT_HEADER]: 'b', ...STRICT, [AVOID_HEADER]: 'a', 'x-user': 'u' }
    // Until its endpoint is connected there is nothing to pin to.
    await vi.waitFor(async () => expect(await echo(client, { headers })).toBe('b'))
    expect(seen.filter((name) => /^(roster-(endpoint|avoid)|x-user)/.test(name))).toEqual([
      'x-user',
    ])
  })

  it('fails at once when it is strict and its endpoint is not there', async () => {
    const { client } = await channelTo('a')
    await expect(
      echo(client, { headers: { [ENDPOINT_HEADER]: 'gone', ...STRICT } }),
    ).rejects.toThrow('UNAVAILABLE: endpoint gone is not ready')
  })
})
