import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import type { Roster } from '@roster/client'
import { observeRoster } from '@roster/client/opentelemetry'
import { rosterMetrics } from '@roster/client/prometheus'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { echoMany } from '../support/echo-backend.ts'
import { eventually } from '../support/eventually.ts'
import { applyEcho, SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld

beforeEach(() => {
  world = new SdkWorld()
})

afterEach(() => world.close())

/** A connection that has made ten calls to a service of two pods. */
async function tenCalls() {
  const registry = await world.registry()
  const roster = world.connect(registry.address)
  await applyEcho(roster)
  await world.pod(registry.address, 'b1')
  await world.pod(registry.address, 'b2')
  const client = world.client(roster)
  await roster.ready('demo/echo')
  await echoMany(client, 10)
  await eventually(() => roster.stats('demo/echo').every(({ state }) => state === 'READY'))
  return { registry, roster }
}

describe('the metrics for Prometheus', () => {
  const measured = (roster: Roster) => {
    const register = new Registry()
    rosterMetrics(roster, register)
    return register
  }

  test('tell of the endpoints, the picks and the registry', async () => {
    const { registry, roster } = await tenCalls()

    const lines = (await measured(roster).metrics()).split('\n')

    expect(lines).toEqual(
      expect.arrayContaining([
        'roster_client_endpoints{service="demo/echo",state="ready"} 2',
        'roster_client_endpoints{service="demo/echo",state="transient_failure"} 0',
        'roster_client_ejected{service="demo/echo"} 0',
        'roster_client_picks_total{service="demo/echo"} 10',
        `roster_client_watch_connected{registry="${registry.address}"} 1`,
        expect.stringMatching(
          /^roster_client_set_age_seconds\{service="demo\/echo"\} (\d(\.\d+)?|\d+e-\d+)$/,
        ),
      ]),
    )
  })

  test('tell the same when they are read again', async () => {
    const { roster } = await tenCalls()
    const register = measured(roster)
    await register.metrics()

    const text = await register.metrics()

    expect(text).toContain('roster_client_picks_total{service="demo/echo"} 10\n')
  })

  test('tell that the registry is away', async () => {
    const { registry, roster } = await tenCalls()
    const register = measured(roster)

    await registry.stop()

    const down = `roster_client_watch_connected{registry="${registry.address}"} 0\n`
    await eventually(async () => expect(await register.metrics()).toContain(down))
  })

  test('have only the counter left when the connection is closed', async () => {
    const { roster } = await tenCalls()
    const register = measured(roster)
    await register.metrics()

    await roster.close()

    const lines = (await register.metrics()).split('\n')
    expect(lines.filter((line) => /^[^#]/.test(line))).toEqual([
      'roster_client_picks_total{service="demo/echo"} 10',
    ])
  })
})

describe('the observations for OpenTelemetry', () => {
  /** What an exporter gets: name, attributes and value of each data point. */
  const observed = async (exporter: InMemoryMetricExporter, reader: { forceFlush(): unknown }) => {
    exporter.reset()
    await reader.forceFlush()
    const scopes = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
    return scopes.flatMap(({ metrics }) =>
      metrics.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => ({ name: descriptor.name, attributes, value })),
      ),
    )
  }

  const meterOf = () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    // Never by itself: only when it is asked to.
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ readers: [reader] })
    world.onClose(() => provider.shutdown())
    return { meter: provider.getMeter('test'), read: () => observed(exporter, reader) }
  }

  test('tell of the endpoints, the picks and the registry', async () => {
    const { registry, roster } = await tenCalls()
    const { meter, read } = meterOf()
    observeRoster(roster, meter)

    const points = await read()

    const service = 'demo/echo'
    expect(points).toEqual(
      expect.arrayContaining([
        { name: 'roster.client.endpoints', attributes: { service, state: 'ready' }, value: 2 },
        { name: 'roster.client.endpoints', attributes: { service, state: 'idle' }, value: 0 },
        { name: 'roster.client.ejected', attributes: { service }, value: 0 },
        { name: 'roster.client.picks', attributes: { service }, value: 10 },
        {
          name: 'roster.client.watch.connected',
          attributes: { registry: registry.address },
          value: 1,
        },
        { name: 'roster.client.set.age', attributes: { service }, value: expect.any(Number) },
      ]),
    )
  })

  test('end when they are told to', async () => {
    const { roster } = await tenCalls()
    const { meter, read } = meterOf()
    const stop = observeRoster(roster, meter)

    stop()

    expect(await read()).toEqual([])
  })
})
