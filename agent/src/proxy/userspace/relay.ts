import type { Socket } from 'node:net'

/** Bytes a stream keeps before it stops reading; with a slow reader a connection holds a few of them. */
export const HIGH_WATER_MARK_BYTES = 64 * 1024

/**
 * Carries bytes both ways until both sides have ended. The end of one direction is
 * passed on while the other goes on (half-close); a side that is reset resets the other.
 */
export function relay(client: Socket, upstream: Socket): void {
  client.pipe(upstream)
  upstream.pipe(client)
  upstream.on('close', () => cut(upstream, client))
  client.on('close', () => cut(client, upstream))
  if (client.destroyed) cut(client, upstream)
}

/** A side that closed before its end was read broke off: the other must not take it for an end. */
function cut(closed: Socket, other: Socket): void {
  if (!closed.readableEnded || closed.errored) abort(other)
}

/** Closes a connection with a reset. */
export function abort(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}
