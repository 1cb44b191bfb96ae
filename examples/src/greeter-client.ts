import { connectRoster } from '@roster/client'
import { createClient } from 'nice-grpc'
import { GREETER_NAMESPACE, GREETER_SERVICE, GreeterService } from './greeter.ts'

/*
 * Calls the greeter all the time and prints every two seconds which pods answered.
 * Runs until it is stopped. Its settings are in the environment:
 *
 *   ROSTER_REGISTRY  address of the registry, default 127.0.0.1:7400
 *   NAMESPACE        default demo
 */
const { ROSTER_REGISTRY = '127.0.0.1:7400', NAMESPACE = GREETER_NAMESPACE } = process.env

const CALL_EVERY_MS = 10
const PRINT_EVERY_MS = 2_000
const CALL_TIMEOUT_MS = 5_000

const target = `roster:///${NAMESPACE}/${GREETER_SERVICE}`
const roster = connectRoster(ROSTER_REGISTRY)
const greeter = createClient(GreeterService, roster.channel(target))

let answers = new Map<string, number>()
let errors = new Map<string, number>()
const count = (counts: Map<string, number>, key: string) =>
  counts.set(key, (counts.get(key) ?? 0) + 1)

async function call(): Promise<void> {
  try {
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS)
    const { pod } = await greeter.sayHello({ name: 'world' }, { signal })
    count(answers, pod)
  } catch (error) {
    count(errors, error instanceof Error ? error.message : String(error))
  }
}

function print(): void {
  const spread = [...answers].sort().map(([pod, calls]) => `${pod} ${calls}`)
  const failures = [...errors].map(([text, calls]) => `failed ${calls}: ${text}`)
  process.stdout.write(`${[...spread, ...failures].join('  ') || 'no answers yet'}\n`)
  answers = new Map()
  errors = new Map()
}

process.stdout.write(`calling ${target} by the registry at ${roster.address}\n`)
setInterval(() => void call(), CALL_EVERY_MS)
setInterval(print, PRINT_EVERY_MS)
