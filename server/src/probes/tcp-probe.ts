import { connect } from 'node:net'
import { type Address, printAddress } from './address.ts'
import { type AttemptLimits, attempt } from './attempt.ts'
import { failed, type Outcome, succeeded } from './outcome.ts'

/** Whether a TCP connection comes to stand. It is closed again at once. */
export function probeTcp(address: Address, limits: AttemptLimits): Promise<Outcome> {
  const what = `tcp ${printAddress(address)}`
  return attempt(what, limits, (settle) => {
    const socket = connect({ host: address.host, port: address.port })
    socket.on('connect', () => settle(succeeded(what, 'connected')))
    socket.on('error', (error) => settle(failed(what, error)))
    return () => socket.destroy()
  })
}
