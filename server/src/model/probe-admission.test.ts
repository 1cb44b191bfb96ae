import { describe, expect, it } from 'vitest'
import { FieldErrors } from './field-errors.ts'
import { type ProbeInput, toProbe, validateProbe } from './probe-admission.ts'

/** What is wrong with a probe, as `field: description`. */
function problems(input: ProbeInput): readonly string[] {
  const errors = new FieldErrors()
  validateProbe(toProbe(input), 'spec.readinessProbe', errors)
  return errors.violations.map(({ field, description }) => `${field}: ${description}`)
}

describe('the defaults of a probe', () => {
  it('are those of Kubernetes', () => {
    const probe = toProbe({ httpGet: { port: '8080' } })
    expect(probe).toEqual({
      httpGet: { path: '/', port: 8080, host: '', scheme: 'HTTP', httpHeaders: [] },
      initialDelaySeconds: 0,
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    })
  })

  it('also stand for zeros and absent messages, as they come over the wire', () => {
    const sent = { httpGet: null, tcpSocket: null, timeoutSeconds: 0, periodSeconds: 0 }
    const probe = toProbe({ ...sent, grpc: { port: 50_051 } })
    expect(probe).toEqual(toProbe({ grpc: { port: 50_051, service: '' } }))
  })

  it('leave what is said', () => {
    const said = {
      tcpSocket: { port: 'http', host: '10.0.0.9' },
      initialDelaySeconds: 5,
      timeoutSeconds: 2,
      periodSeconds: 3,
      successThreshold: 4,
      failureThreshold: 6,
    }
    expect(toProbe(said)).toEqual(said)
  })
})

describe('a probe', () => {
  it.each<[string, ProbeInput]>([
    ['httpGet', { httpGet: { port: 'http', path: '/ready?x=1', scheme: 'HTTPS' } }],
    ['tcpSocket', { tcpSocket: { port: '80' } }],
    ['grpc', { grpc: { port: 65_535, service: 'a.B' } }],
  ])('of kind %s is let in', (_, probe) => {
    expect(problems(probe)).toEqual([])
  })

  it('must have a handler', () => {
    expect(problems({ periodSeconds: 1 })).toEqual([
      'spec.readinessProbe: Required value: must specify a handler type',
    ])
  })

  it('must not have a second and a third handler', () => {
    const port = '80'
    expect(problems({ httpGet: { port }, tcpSocket: { port }, grpc: { port: 80 } })).toEqual([
      'spec.readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
      'spec.readinessProbe.grpc: Forbidden: may not specify more than 1 handler type',
    ])
  })

  it.each([
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ])('must not have a negative %s', (name) => {
    expect(problems({ grpc: { port: 1 }, [name]: -1 })).toEqual([
      `spec.readinessProbe.${name}: Invalid value: -1: must be greater than or equal to 0`,
    ])
  })

  it.each<[string, ProbeInput, string]>([
    ['no port', { httpGet: {} }, 'httpGet.port: Required value'],
    ['port 0', { tcpSocket: { port: '0' } }, 'tcpSocket.port: Required value'],
    [
      'a port beyond 65535',
      { httpGet: { port: '65536' } },
      'httpGet.port: Invalid value: 65536: must be between 1 and 65535, inclusive',
    ],
    [
      'a negative port',
      { grpc: { port: -1 } },
      'grpc.port: Invalid value: -1: must be between 1 and 65535, inclusive',
    ],
    [
      'a port name in capitals',
      { tcpSocket: { port: 'HTTP' } },
      'tcpSocket.port: Invalid value: "HTTP": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ],
    [
      'another scheme',
      { httpGet: { port: '80', scheme: 'http' } },
      'httpGet.scheme: Unsupported value: "http": supported values: "HTTP", "HTTPS"',
    ],
    [
      'a header name with a space',
      { httpGet: { port: '80', httpHeaders: [{ name: 'x' }, { name: 'a b' }] } },
      `httpGet.httpHeaders[1].name: Invalid value: "a b": a valid HTTP header must consist of alphanumeric characters or '-'`,
    ],
    [
      'a header of two lines',
      { httpGet: { port: '80', httpHeaders: [{ name: 'x', value: 'a\r\nb: c' }] } },
      'httpGet.httpHeaders[0].value: Invalid value: "a\\r\\nb: c": must be printable Latin-1 text in one line',
    ],
  ])('with %s is refused', (_, probe, problem) => {
    expect(problems(probe)).toContain(`spec.readinessProbe.${problem}`)
  })
})
