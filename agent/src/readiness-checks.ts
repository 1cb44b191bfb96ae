import { once } from 'node:events'
import { get } from 'node:http'
import { connect } from 'node:net'

/** Whether something listens at a TCP port (core/v1 TCPSocketAction). False when the signal aborts. */
export async function checkTcp(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/**
 * Whether GET of a path is answered with 200 to 399 (core/v1 HTTPGetAction).
 * Redirections are not followed. False when the signal aborts.
 */
export async function checkHttp(
  host: string,
  port: number,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  const request = get({ host, port, path, signal, agent: false })
  // What happens after the answer is of no interest.
  request.on('error', () => {})
  try {
    const [{ statusCode }] = await once(request, 'response')
    return statusCode >= 200 && statusCode < 400
  } catch {
    return false
  } finally {
    request.destroy()
  }
}
