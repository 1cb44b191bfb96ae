export { type RunningRegistry, startRegistry } from './app.ts'
export type { Config } from './config.ts'
export { serve } from './serve.ts'
