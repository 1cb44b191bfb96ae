export { type Agent, type AgentOptions, startAgent } from './agent.ts'
export { Follower, type FollowerOptions } from './follower.ts'
export {
  type NftablesProxy,
  type NftablesProxyOptions,
  startNftablesProxy,
} from './proxy/nftables/nftables-proxy.ts'
export {
  startUserspaceProxy,
  type UserspaceProxy,
  type UserspaceProxyOptions,
} from './proxy/userspace/userspace-proxy.ts'
export { checkHttp, checkTcp } from './readiness-checks.ts'
export { runAgent } from './run.ts'
export type { ServiceChange, ServiceSource } from './service-source.ts'
export { SnapshotFile } from './snapshot-file.ts'
