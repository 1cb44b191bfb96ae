import { describe, expect, it } from 'vitest'
import { checkRegisterOptions, type RegisterOptions } from './register-options.ts'
import { RosterError } from './roster-error.ts'

const check = (options: unknown) => checkRegisterOptions(options as RegisterOptions)

function refusalOf(options: unknown): unknown {
  try {
    check(options)
    return undefined
  } catch (error) {
    return error instanceof RosterError ? [error.code, error.message] : error
  }
}

const time = (min: number) => `it must be a number of milliseconds from ${min} to 2147483647`
const aSignal = 'it must be the name of a signal that can be caught, as SIGTERM'
const aServer = 'it must be a server of grpc-js or nice-grpc'

describe('an option of a registration', () => {
  it.each<[unknown, string]>([
    [undefined, 'options is undefined: it must be an object'],
    [null, 'options is null: it must be an object'],
    ['demo', "options is 'demo': it must be an object"],
    [{ name: 5 }, 'name is 5: it must be a string'],
    [{ labels: { app: 5 } }, 'labels is { app: 5 }: it must be an object of strings'],
    [{ ports: 50_051 }, 'ports is 50051: it must be a list'],
    [
      { ports: [{ containerPort: '5' }] },
      "ports[0] is { containerPort: '5' }: it must be an object as { name: 'grpc', containerPort: 50051 }",
    ],
    [{ addresses: '10.0.0.1' }, "addresses is '10.0.0.1': it must be a list"],
    [{ weight: 10_001 }, 'weight is 10001: it must be a whole number from 0 to 10000'],
    [{ weight: 1.5 }, 'weight is 1.5: it must be a whole number from 0 to 10000'],
    [{ ready: 'no' }, "ready is 'no': it must be true or false"],
    [{ readiness: true }, 'readiness is true: it must be a function'],
    [{ readinessPeriodMs: '5s' }, `readinessPeriodMs is '5s': ${time(1)}`],
    [{ readinessPeriodMs: 0 }, `readinessPeriodMs is 0: ${time(1)}`],
    [{ readinessTimeoutMs: Number.NaN }, `readinessTimeoutMs is NaN: ${time(1)}`],
    [{ services: ['demo'] }, "services[0] is 'demo': it must be an object"],
    [{ notIdempotentMethods: 'a.B/C' }, "notIdempotentMethods is 'a.B/C': it must be a list"],
    [{ servers: [{}] }, `servers[0] is {}: ${aServer}`],
    [{ drain: 5_000 }, 'drain is 5000: it must be an object'],
    [{ drain: { graceMs: -5 } }, `drain.graceMs is -5: ${time(0)}`],
    [
      { drain: { ackTimeoutMs: Number.POSITIVE_INFINITY } },
      `drain.ackTimeoutMs is Infinity: ${time(0)}`,
    ],
    [{ drain: { propagateMs: 2 ** 31 } }, `drain.propagateMs is 2147483648: ${time(0)}`],
    [{ signals: 'SIGTERM' }, "signals is 'SIGTERM': it must be a list"],
    [{ signals: ['SIGTERM', 'SIGKILL'] }, `signals[1] is 'SIGKILL': ${aSignal}`],
    [{ signals: ['SIGSTOP'] }, `signals[0] is 'SIGSTOP': ${aSignal}`],
    [{ signals: ['SIGFOO'] }, `signals[0] is 'SIGFOO': ${aSignal}`],
    [{ afterSignal: 'stay' }, "afterSignal is 'stay': it must be 'exit' or 'raise'"],
  ])('that is wrong is refused, with what it must be: %j', (options, message) => {
    expect(refusalOf(options)).toEqual(['INVALID', message])
  })

  it('that is left out, or at a bound, is not refused', () => {
    const drain = { ackTimeoutMs: 0, propagateMs: undefined, graceMs: 2 ** 31 - 1 }
    const own = { weight: 0, readinessPeriodMs: 1, signals: [], ports: [], name: undefined }
    expect([refusalOf({}), refusalOf({ ...own, drain })]).toEqual([undefined, undefined])
  })
})
