/** A method, or all of a service, as annotations and registrations write it. */
const METHOD = /^([A-Za-z_][\w.]*)\/(\*|[A-Za-z_]\w*)$/

/**
 * Reads a list of gRPC methods, each `package.Service/Method`, or
 * `package.Service/*` for all of a service. Throws when one is neither.
 */
export function parseMethodNames(json: unknown, path: string): readonly string[] {
  const names: readonly unknown[] = Array.isArray(json) ? json : [json]
  return names.map((name) => {
    if (typeof name === 'string' && METHOD.test(name)) return name
    throw new Error(
      `${path} has ${JSON.stringify(name)}: a method is written package.Service/Method or package.Service/*`,
    )
  })
}

/** The name as a service config has it (grpc service_config.proto MethodConfig.Name). */
export function configNameOf(name: string): { service: string; method?: string } {
  const [service = '', method = '*'] = name.split('/')
  return method === '*' ? { service } : { service, method }
}

/** Whether the name is among the methods, by itself or by its service. */
export function includesMethod(methods: ReadonlySet<string>, name: string): boolean {
  return methods.has(name) || methods.has(`${name.slice(0, name.indexOf('/'))}/*`)
}
