import { connectRoster } from '@roster/client'
import { rosterMetrics } from '@roster/client/prometheus'
import { createClientFactory, Metadata } from 'nice-grpc'
import { openTelemetryClientMiddleware } from 'nice-grpc-opentelemetry'
import { registry as callMetrics, prometheusClientMiddleware } from 'nice-grpc-prometheus'
import { Registry } from 'prom-client'
import { GREETER_TARGET, GreeterService } from './greeter.ts'

/*
 * Calls the greeter with nice-grpc, each user always at the same pod, and prints who
 * answered and the metrics: of the calls by nice-grpc-prometheus, of the endpoints by
 * the SDK. Its setting is in the environment:
 *
 *   ROSTER_REGISTRY  address of the registry, default 127.0.0.1:7400
 */
const { ROSTER_REGISTRY = '127.0.0.1:7400' } = process.env

const USERS = ['ada', 'grace', 'barbara']
const CALLS_PER_USER = 5
const CALL_TIMEOUT_MS = 5_000

const roster = connectRoster(ROSTER_REGISTRY)
const endpointMetrics = new Registry()
rosterMetrics(roster, endpointMetrics)

const greeter = createClientFactory()
  .use(prometheusClientMiddleware())
  // Spans and metrics of calls, as soon as the process has an OpenTelemetry SDK.
  .use(openTelemetryClientMiddleware())
  .create(GreeterService, roster.channel(GREETER_TARGET, { policy: 'maglev' }))

// Not needed: a call waits for its endpoints. But this says what is missing.
await roster.ready(GREETER_TARGET)
for (const user of USERS) {
  const metadata = Metadata(roster.hint({ hashKey: user }).getMap())
  for (let call = 0; call < CALLS_PER_USER; call += 1) {
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS)
    const { message, pod } = await greeter.sayHello({ name: user }, { metadata, signal })
    process.stdout.write(`${pod}: ${message}\n`)
  }
}
process.stdout.write(await Registry.merge([callMetrics, endpointMetrics]).metrics())

await roster.close()
