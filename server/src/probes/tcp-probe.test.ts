import { afterEach, beforeEach, expect, it } from 'vitest'
import { allClosed, freePort, hanging, type Listener } from '../../../test/support/listeners.ts'
import { probeTcp } from './tcp-probe.ts'

const host = '127.0.0.1'
const limits = { timeoutMs: 5_000, signal: new AbortController().signal }
let server: Listener

beforeEach(async () => {
  server = await hanging()
})
afterEach(() => server.close())

it('is a success when a connection stands, and leaves none behind', async () => {
  const outcome = await probeTcp({ host, port: server.port }, limits)
  expect(outcome).toEqual({
    isSuccess: true,
    reason: 'Succeeded',
    message: `tcp 127.0.0.1:${server.port}: connected`,
    isAnswered: true,
  })
  await allClosed(server)
})

it('names a refused connection, which is an answer', async () => {
  const port = await freePort()
  expect(await probeTcp({ host, port }, limits)).toEqual({
    isSuccess: false,
    reason: 'ConnectionRefused',
    message: `tcp 127.0.0.1:${port}: connection refused`,
    isAnswered: true,
  })
})

it('names a host that is not known, which is no answer', async () => {
  const outcome = await probeTcp({ host: 'no-such-host.invalid', port: 1 }, limits)
  expect(outcome).toMatchObject({
    isSuccess: false,
    isAnswered: false,
    message: expect.stringContaining('the host name'),
  })
})

it('ends at once when it is cancelled', async () => {
  const aborter = new AbortController()
  const outcome = probeTcp({ host, port: server.port }, { ...limits, signal: aborter.signal })
  aborter.abort()
  expect(await outcome).toMatchObject({ isSuccess: false, reason: 'Cancelled' })
  await allClosed(server)
})

it('does not start for a signal that has aborted', async () => {
  const outcome = probeTcp({ host, port: server.port }, { ...limits, signal: AbortSignal.abort() })
  expect(await outcome).toMatchObject({ reason: 'Cancelled' })
})
