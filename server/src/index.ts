export { type RunningRegistry, startRegistry } from './app.ts'
export type { Config } from './config.ts'
export { type ServingRegistry, type StartAgent, serve } from './serve.ts'
