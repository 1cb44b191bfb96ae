import { describe, expect, it } from 'vitest'
import { UsageError } from '../errors.ts'
import { parsePort } from './register.ts'

describe('parsePort', () => {
  it.each([
    ['8080', '', 8080, 'TCP'],
    ['http=8080', 'http', 8080, 'TCP'],
    ['53/udp', '', 53, 'UDP'],
    ['dns=53/UDP', 'dns', 53, 'UDP'],
  ])('of %s has name %j, port %i and protocol %s', (text, name, containerPort, protocol) => {
    expect(parsePort(text)).toEqual({ name, containerPort, protocol })
  })

  it.each(['http', 'http=', '=80', '80/', 'a=b=80'])('refuses %j', (text) => {
    expect(() => parsePort(text)).toThrow(UsageError)
  })
})
