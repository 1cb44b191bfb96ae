import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { connectRoster } from '@roster/client'
import { createServer } from 'nice-grpc'
import { GREETER_NAMESPACE, GREETER_PORT_NAME, GreeterService } from './greeter.ts'

/*
 * A greeter pod: serves demo.v1.GreeterService and grpc.health.v1.Health, registers,
 * is probed by the registry, and on SIGTERM leaves without failing a call. Its settings
 * are in the environment:
 *
 *   ROSTER_REGISTRY  address of the registry, default 127.0.0.1:7400
 *   POD_NAME         default: the host name
 *   NAMESPACE        default demo
 *   LABELS           a=1,b=2; default app=greeter
 *   HOST, PORT       where to listen, default 0.0.0.0 and a free port
 *   ADVERTISE_IP     address others reach the pod at; default: the one this machine
 *                    has toward the registry
 *   WORK_MS          how long an answer takes, default 0
 */
const {
  ROSTER_REGISTRY = '127.0.0.1:7400',
  POD_NAME = hostname(),
  NAMESPACE = GREETER_NAMESPACE,
  LABELS = 'app=greeter',
  HOST = '0.0.0.0',
  PORT = '0',
  ADVERTISE_IP,
  WORK_MS = '0',
} = process.env

const workMs = Number(WORK_MS)
const log = (text: string) => process.stdout.write(`${POD_NAME}: ${text}\n`)

const roster = connectRoster(ROSTER_REGISTRY)
const server = createServer().use(roster.serverMiddleware)
server.add(GreeterService, {
  sayHello: async ({ name }) => {
    if (workMs > 0) await pause(workMs)
    return { message: `hello, ${name || 'world'}`, pod: POD_NAME }
  },
})
roster.serveHealth(server)
const port = await server.listen(`${HOST}:${PORT}`)
log(`listens at ${HOST}:${port}`)

const registration = roster.register(server, {
  namespace: NAMESPACE,
  name: POD_NAME,
  labels: Object.fromEntries(LABELS.split(',').map((label) => label.split('='))),
  ports: [{ name: GREETER_PORT_NAME, containerPort: port }],
  ...(ADVERTISE_IP && { addresses: [ADVERTISE_IP] }),
  services: [GreeterService],
  // A process that stands still keeps its lease and its connections for a while.
  readinessProbe: { grpc: { port }, periodSeconds: 1, failureThreshold: 2 },
  drain: { graceMs: 5_000 },
  signals: ['SIGTERM', 'SIGINT'],
})
await registration.ready
log(`registered in ${NAMESPACE} at ${roster.address}`)
