import { expect, it } from 'vitest'
import { isLoadBalancerNameRegistered, probeGrpcJs } from './adapter.ts'
import { registerWithGrpc } from './register.ts'
import { POLICY_NAME } from './service-config.ts'

it('the installed grpc-js is one the SDK can extend', () => {
  expect(() => probeGrpcJs()).not.toThrow()
})

it('nothing is registered with grpc-js until it is asked for, and twice is as good as once', () => {
  expect(isLoadBalancerNameRegistered(POLICY_NAME)).toBe(false)
  registerWithGrpc()
  registerWithGrpc()
  expect(isLoadBalancerNameRegistered(POLICY_NAME)).toBe(true)
})
