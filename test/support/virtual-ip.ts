import { createServer } from 'node:net'

let last = 0

/** A loopback address that no other test uses at the same time. */
export const virtualIP = (network = '127.96'): string => {
  last++
  return `${network}.${process.pid % 250}.${last % 250}`
}

/** A port nobody listens at. */
export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0
      server.close(() => resolve(port))
    })
  })
