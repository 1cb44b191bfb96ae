import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { read } from '../../../../test/support/proxy-world.ts'
import { virtualIP } from '../../../../test/support/virtual-ip.ts'
import { firstBindablePort, type HeldListener, holdListener } from './held-listener.ts'

const hold = (address: string): HeldListener => {
  const held = holdListener(address, 8080)
  if (typeof held === 'string') throw new Error(held)
  return held
}

it('a held address refuses callers until somebody listens with it', async () => {
  const address = virtualIP()
  const held = hold(address)
  expect(await read(8080, address)).toBe('ECONNREFUSED')
  const server = createServer((socket) => socket.end('a')).listen(held)
  await once(server, 'listening')
  expect(await read(8080, address)).toBe('a')
  server.close()
  expect(await read(8080, address)).toBe('ECONNREFUSED')
})

it('says what is wrong with an address', async () => {
  const address = virtualIP()
  const server = createServer().listen(8080, address)
  await once(server, 'listening')
  expect(holdListener(address, 8080)).toBe('EADDRINUSE')
  server.close()
  expect(holdListener('192.0.2.1', 8080)).toBe('EADDRNOTAVAIL')
})

it.runIf(process.platform === 'linux')('knows which ports this process may bind', () => {
  const isRoot = process.getuid?.() === 0
  const setting = Number(execFileSync('cat', ['/proc/sys/net/ipv4/ip_unprivileged_port_start']))
  expect(firstBindablePort()).toBe(isRoot ? 1 : setting)
})
