// A program that lives in a network namespace and does there what its parent asks: serves,
// connects, and counts.
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'

const TIMEOUT_MS = 3_000

/** A server that says its name and who the client is, and then echoes. */
const serve = ({ name, port, host = '::' }) =>
  new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.write(`${name} ${socket.remoteAddress.replace('::ffff:', '')}\n`)
      socket.pipe(socket)
    })
    server.listen(port, host, () => resolve(server.address().port))
  })

const serveUdp = ({ name, port }) =>
  new Promise((resolve) => {
    const socket = createSocket('udp6')
    socket.on('message', (text, from) => socket.send(`${name} ${text}`, from.port, from.address))
    socket.bind(port, '::', () => resolve(port))
  })

/** The server's first line, or the code of the error. */
const read = ({ host, port, from }) =>
  new Promise((resolve) => {
    const socket = connect({ host, port, ...(from && { localAddress: from }) })
    const end = (outcome) => {
      socket.destroy()
      resolve(outcome)
    }
    socket.setTimeout(TIMEOUT_MS, () => end('ETIMEDOUT'))
    socket.once('data', (text) => end(String(text).trim()))
    socket.on('error', ({ code }) => end(code))
    socket.on('close', () => resolve('closed'))
  })

const readMany = async ({ times, ...where }) => {
  const outcomes = {}
  for (let n = 0; n < times; n++) {
    const name = (await read(where)).split(' ')[0]
    outcomes[name] = (outcomes[name] ?? 0) + 1
  }
  return outcomes
}

let load
/** Connects again and again, from several callers at once, until `endLoad`. */
const startLoad = ({ callers, ...where }) => {
  load = { isOver: false, outcomes: {}, callers: [] }
  const call = async (mine) => {
    while (!mine.isOver) {
      const name = (await read(where)).split(' ')[0]
      mine.outcomes[name] = (mine.outcomes[name] ?? 0) + 1
    }
  }
  for (let n = 0; n < callers; n++) load.callers.push(call(load))
}

const endLoad = async () => {
  load.isOver = true
  await Promise.all(load.callers)
  return load.outcomes
}

let held = []
/** Opens connections that send a number every few milliseconds and count what comes back. */
const hold = ({ host, port, count }) =>
  Promise.all(
    Array.from({ length: count }, () => {
      const socket = connect({ host, port })
      const one = { socket, sent: 0, received: 0, problem: undefined }
      held.push(one)
      socket.on('error', ({ code }) => {
        one.problem = code
      })
      socket.on('close', () => {
        one.problem ??= 'closed'
      })
      return new Promise((resolve, reject) => {
        socket.once('error', reject)
        createInterface({ input: socket }).on('line', (line) => {
          if (line === `${one.received}`) one.received++
          if (one.timer) return
          one.timer = setInterval(() => socket.write(`${one.sent++}\n`), 5)
          resolve(line.split(' ')[0])
        })
      })
    }),
  )

/** How much was sent since, waiting for the last answers. */
const release = async () => {
  const all = held
  held = []
  const end = performance.now() + TIMEOUT_MS
  for (const one of all) clearInterval(one.timer)
  while (all.some((one) => one.received < one.sent) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const sent = all.reduce((sum, one) => sum + one.sent, 0)
  const lost = all.reduce((sum, one) => sum + one.sent - one.received, 0)
  const problems = all.flatMap(({ problem }) => problem ?? [])
  for (const { socket } of all) socket.destroy()
  return { sent, lost, problems }
}

const counts = () => ({
  received: held.reduce((sum, one) => sum + one.received, 0),
  outcomes: { ...load?.outcomes },
})

const udpSockets = new Map()
/** Sends from the socket of that name; what comes back within 300 ms. */
const askUdp = ({ socket: name, host, port, text }) => {
  const socket = udpSockets.get(name) ?? createSocket(host.includes(':') ? 'udp6' : 'udp4')
  udpSockets.set(name, socket)
  return new Promise((resolve) => {
    const timer = setTimeout(() => done('nothing'), 300)
    const done = (answer) => {
      clearTimeout(timer)
      socket.removeAllListeners()
      resolve(`${answer}`)
    }
    socket.once('message', done)
    socket.once('error', ({ code }) => done(code))
    socket.send(text, port, host)
  })
}

const commands = {
  serve,
  serveUdp,
  read,
  readMany,
  startLoad,
  endLoad,
  hold,
  release,
  counts,
  askUdp,
}

process.on('message', async ({ id, command, options }) => {
  try {
    process.send({ id, result: await commands[command](options) })
  } catch (error) {
    process.send({ id, error: String(error.code ?? error) })
  }
})
process.on('disconnect', () => process.exit())
process.send({ isReady: true })
