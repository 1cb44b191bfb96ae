/**
 * A value of which a process has one, however many copies of the SDK it has loaded:
 * the ES module and the CommonJS build are two, and so are two versions. grpc-js
 * takes scheme and policy from whichever comes first, so that what the parts of that
 * copy know must be known to the others.
 */
export function processWide<T>(name: string, create: () => T): T {
  const key = Symbol.for(`roster.client.${name}`)
  const known: Record<symbol, unknown> = globalThis
  known[key] ??= create()
  return known[key] as T
}
