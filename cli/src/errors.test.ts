import { ClientError, Status } from 'nice-grpc'
import { BadRequest, RichClientError } from 'nice-grpc-error-details'
import { describe, expect, it } from 'vitest'
import { explain, isNotFound } from './errors.ts'

const error = (code: Status, details: string) => new ClientError('/roster.v1.X/Y', code, details)

describe('explain', () => {
  it('has a line for each field that is wrong', () => {
    const violations = [
      { field: 'spec.type', description: 'Unsupported value: "x"' },
      { field: 'spec.ports', description: 'Required value' },
    ]
    const details = 'Service "web" is invalid: [spec.type: Unsupported value: "x", spec.ports: …]'
    const invalid = new RichClientError('', Status.INVALID_ARGUMENT, details, [
      BadRequest.fromPartial({ fieldViolations: violations }),
    ])
    expect(explain(invalid, 'r:1')).toBe(
      'Service "web" is invalid\n  spec.type: Unsupported value: "x"\n  spec.ports: Required value',
    )
  })

  it.each([
    'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ',
    'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1',
  ])('says which registry cannot be reached and what to do', (details) => {
    expect(explain(error(Status.UNAVAILABLE, details), '127.0.0.1:1')).toBe(
      'cannot reach the registry at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1\n' +
        '  start one with "roster serve", or name another with --registry HOST:PORT or ROSTER_REGISTRY',
    )
  })

  it('leaves a registry its own words', () => {
    const stopping = error(Status.UNAVAILABLE, 'the registry is stopping: connect again')
    expect(explain(stopping, 'r:1')).toBe('the registry is stopping: connect again')
  })

  it('says where to put a token', () => {
    expect(explain(error(Status.UNAUTHENTICATED, 'token missing'), 'r:1')).toBe(
      "token missing\n  give the registry's token with --token or ROSTER_TOKEN",
    )
  })

  it('names the status when that is all there is', () => {
    expect(explain(error(Status.INTERNAL, ''), 'r:1')).toBe('the registry answered INTERNAL')
  })
})

describe('isNotFound', () => {
  it('holds for that status alone', () => {
    expect(isNotFound(error(Status.NOT_FOUND, ''))).toBe(true)
    expect(isNotFound(error(Status.UNAVAILABLE, ''))).toBe(false)
    expect(isNotFound(new Error('not found'))).toBe(false)
  })
})
