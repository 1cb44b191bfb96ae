import { describe, expect, it } from 'vitest'
import { askTcp, askUdp } from './exchange.ts'

// No program without broadcast in mind is let through to it.
const UNREACHABLE = { host: '255.255.255.255', port: 53 }

describe.each([
  ['UDP', askUdp],
  ['TCP', askTcp],
])('asking over %s', (_, ask) => {
  it('gives up at once where there is no way to the server', async () => {
    const { signal } = new AbortController()
    expect(await ask(UNREACHABLE, Buffer.alloc(12), () => true, signal)).toBeUndefined()
  })
})
