import { resolve } from 'node:path'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { addLoadBalancerFlags, loadBalancerFrom } from './flags.ts'

/** What the flags mean, or the error they are answered with. */
function parse(...args: string[]) {
  const command = addLoadBalancerFlags(new Command()).exitOverride()
  command.configureOutput({ writeErr: () => undefined })
  const fail = (problem: string): never => {
    throw new Error(problem)
  }
  try {
    return loadBalancerFrom(command.parse(args, { from: 'user' }).opts(), fail)
  } catch (error) {
    return (error as Error).message
  }
}

describe('the flags of load balancing', () => {
  it('are off until they are asked for', () => {
    expect(parse()).toBeUndefined()
  })

  it('have a pool of loopback addresses as default', () => {
    expect(parse('--load-balancer')).toEqual({ defaultProvider: 'pool', pool: '127.97.0.0/16' })
  })

  it('start an HAProxy beside its configuration', () => {
    const args = ['--lb-pool', 'off', '--lb-default', 'haproxy', '--haproxy-bind', '192.0.2.1,::1']
    expect(parse('--load-balancer', ...args)).toEqual({
      defaultProvider: 'haproxy',
      haproxy: {
        loadBalancerClass: 'roster.dev/haproxy',
        binds: ['192.0.2.1', '::1'],
        config: resolve('roster-haproxy.cfg'),
        hasChecks: false,
      },
    })
  })

  it.each([
    ['--lb-pool', '127.97.0.0'],
    ['--lb-default', 'cloud'],
    ['--lb-default', 'haproxy'],
    ['--haproxy-bind', '0.0.0.0'],
    ['--haproxy-bind', '::'],
    ['--haproxy-bind', 'lb.example.org'],
  ])('say what is wrong with %s %s', (flag, value) => {
    expect(parse('--load-balancer', flag, value)).toContain(flag)
  })

  it.each([
    ['--lb-interface', 'eth0'],
    ['--haproxy-bind', '192.0.2.1'],
  ])('need --load-balancer for %s', (flag, value) => {
    expect(parse(flag, value)).toBe(`${flag}: needs --load-balancer`)
  })
})
