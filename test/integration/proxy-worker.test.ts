import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { startUserspaceProxy } from '@roster/agent'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { ProxyWorld, read } from '../support/proxy-world.ts'
import { endpoint, ServiceFeed, serviceSet } from '../support/service-feed.ts'
import { virtualIP } from '../support/virtual-ip.ts'

const PORT = 8080
const PRIMARY = fileURLToPath(new URL('../support/proxy-primary.mjs', import.meta.url))
const CALLERS = 8
const ROUNDS = 3
/** Processes start slowly on a busy machine. */
const TIMEOUT_MS = 60_000

let world: ProxyWorld
let feed: ServiceFeed
let vip: string
let proxy: ReturnType<typeof startUserspaceProxy>

beforeEach(() => {
  world = new ProxyWorld()
  feed = new ServiceFeed()
  vip = virtualIP()
  const log = pino({ level: 'silent' })
  proxy = startUserspaceProxy({ source: feed, node: 'n1', zone: 'z1', log, drainMs: 0 })
  world.later(() => proxy.close())
})

afterEach(() => world.end())

const serve = async (port: number) => {
  feed.put(serviceSet({ clusterIp: vip }, [endpoint('a', port)]))
  await eventually(async () => (await open()).destroy())
}

/** Connects again and again while `act` runs, and counts what became of it. */
async function underLoad(act: () => Promise<void>): Promise<Record<string, number>> {
  const outcomes: Record<string, number> = {}
  let isOver = false
  const callers = Array.from({ length: CALLERS }, async () => {
    while (!isOver) {
      const outcome = await read(PORT, vip)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
  })
  const answered = (more: number) => {
    const goal = (outcomes.a ?? 0) + more
    return eventually(() => (outcomes.a ?? 0) >= goal)
  }
  await answered(50)
  for (let round = 0; round < ROUNDS; round++) {
    await act()
    await answered(100)
  }
  isOver = true
  await Promise.all(callers)
  return outcomes
}

const open = async (host = vip): Promise<Socket> => {
  const socket = connect({ port: PORT, host })
  world.later(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

const isRunning = (pid: number): boolean => {
  try {
    // A zombie has ended; nobody has asked for its exit code yet.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('when the worker is killed', () => {
  it(
    'no connection is refused: callers wait for the next worker',
    async () => {
      await serve(await world.naming('a'))
      const outcomes = await underLoad(async () => {
        const pid = proxy.workerPid ?? 0
        process.kill(pid, 'SIGKILL')
        await eventually(() => proxy.workerPid !== pid)
      })
      const { a: answered = 0, ECONNREFUSED: refused = 0, ...broken } = outcomes
      expect(refused).toBe(0)
      expect(answered).toBeGreaterThan(ROUNDS * 100)
      // What the killed worker had in hand breaks, and nothing else.
      const breaks = Object.values(broken).reduce((sum, count) => sum + count, 0)
      expect(breaks).toBeLessThanOrEqual(ROUNDS * CALLERS)
    },
    TIMEOUT_MS,
  )

  it('the next one knows of changes made meanwhile', async () => {
    await serve(await world.naming('a'))
    process.kill(proxy.workerPid ?? 0, 'SIGKILL')
    feed.put(serviceSet({ clusterIp: vip }, [endpoint('b', await world.naming('b'))]))
    await eventually(async () => expect(await read(PORT, vip)).toBe('b'))
    process.kill(proxy.workerPid ?? 0, 'SIGKILL')
    feed.remove('shop/web')
    await eventually(async () => expect(await read(PORT, vip)).toBe('ECONNREFUSED'))
  })

  it('the next one gives up what it was started with when that is gone by then', async () => {
    await serve(await world.naming('a'))
    const pid = proxy.workerPid ?? 0
    process.kill(pid, 'SIGKILL')
    await eventually(() => proxy.workerPid !== pid)
    feed.remove('shop/web')
    await eventually(async () => expect(await read(PORT, vip)).toBe('ECONNREFUSED'))
  })

  it('a client with affinity comes back to its endpoint', async () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const ports = await Promise.all(names.map((name) => world.naming(name)))
    const endpoints = names.map((name, n) => endpoint(name, ports[n] ?? 0))
    feed.put(serviceSet({ clusterIp: vip, sessionAffinity: 'ClientIP' }, endpoints))
    await eventually(async () => expect(await read(PORT, vip)).toMatch(/^[a-e]$/))
    const usual = await read(PORT, vip)
    process.kill(proxy.workerPid ?? 0, 'SIGKILL')
    await eventually(async () => expect(await read(PORT, vip)).toMatch(/^[a-e]$/))
    for (let n = 0; n < 10; n++) expect(await read(PORT, vip)).toBe(usual)
  })
})

describe('when the worker is replaced', () => {
  it(
    'no connection is refused or broken',
    async () => {
      await serve(await world.naming('a'))
      const outcomes = await underLoad(() => proxy.restart())
      expect(Object.keys(outcomes)).toEqual(['a'])
    },
    TIMEOUT_MS,
  )

  it('open connections stay, and the old worker ends with the last of them', async () => {
    await serve(await world.server((socket) => socket.pipe(socket)))
    const socket = await open()
    socket.write('one')
    await once(socket, 'data')
    const old = proxy.workerPid ?? 0
    await proxy.restart()
    expect(proxy.workerPid).not.toBe(old)
    socket.write('two')
    expect(String((await once(socket, 'data'))[0])).toBe('two')
    expect(isRunning(old)).toBe(true)
    socket.end()
    await eventually(() => !isRunning(old))
  })
})

it('the worker holds little of what a client does not read', async () => {
  const chunk = Buffer.alloc(1 << 20)
  const send = (socket: Socket): void => {
    while (socket.write(chunk));
  }
  const port = await world.server((socket) => {
    socket.on('drain', () => send(socket))
    send(socket)
  })
  await serve(port)
  const pid = proxy.workerPid ?? 0
  const rssMB = () =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  const before = rssMB()
  const clients = await Promise.all(Array.from({ length: 20 }, () => open()))
  let most = 0
  let readBytes = 0
  for (const client of clients) {
    client.on('data', (part) => {
      readBytes += part.length
      most = Math.max(most, rssMB())
      client.pause()
      setTimeout(() => client.resume(), 5)
    })
  }
  await eventually(() => expect(readBytes).toBeGreaterThan(100 << 20))
  expect(most - before).toBeLessThan(64)
})

it('when the process that holds the addresses is killed, what is open goes on', async () => {
  const address = virtualIP()
  const port = await world.server((socket) => socket.pipe(socket))
  const set = JSON.stringify(serviceSet({ clusterIp: address }, [endpoint('a', port)]))
  const primary = spawn(process.execPath, [PRIMARY, set], { stdio: ['ignore', 'pipe', 'inherit'] })
  world.later(() => primary.kill('SIGKILL'))
  const worker = Number((await once(primary.stdout, 'data'))[0])
  await eventually(async () => (await open(address)).destroy())
  const socket = await open(address)
  primary.kill('SIGKILL')
  await eventually(async () => {
    const late = await open(address).catch(({ code }) => String(code))
    if (typeof late !== 'string') late.destroy()
    expect(late).toBe('ECONNREFUSED')
  })
  socket.write('still here')
  expect(String((await once(socket, 'data'))[0])).toBe('still here')
  socket.end()
  await eventually(() => !isRunning(worker))
})
