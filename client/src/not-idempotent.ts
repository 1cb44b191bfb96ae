/**
 * The definition of a service that a pod serves, as proto-loader, nice-grpc or
 * ts-proto write it.
 */
export type ServiceDescription = Readonly<Record<string, MethodDescription>> | TsProtoService

interface MethodDescription {
  /** `/package.Service/Method`. */
  readonly path: string
  readonly options?: object
}

interface TsProtoService {
  readonly fullName: string
  readonly methods: Readonly<Record<string, { readonly name: string; readonly options?: object }>>
}

/**
 * The methods that must not be tried again once they may have run, as
 * `package.Service/Method`, or `package.Service/*` where that is all of a service:
 * those that do not say with the option `idempotency_level`
 * (google/protobuf/descriptor.proto) that they may.
 */
export function notIdempotentMethods(services: readonly ServiceDescription[]): readonly string[] {
  return services.flatMap((service) => {
    const methods = methodsOf(service)
    const unsafe = methods.filter(({ options }) => !mayRunTwice(options)).map(nameOf)
    const [first] = unsafe
    const isAll = first !== undefined && unsafe.length === methods.length
    return isAll ? [`${first.slice(0, first.lastIndexOf('/'))}/*`] : unsafe
  })
}

/** Full names of services, e.g. `package.Service`. */
export const serviceNames = (services: readonly ServiceDescription[]): readonly string[] => [
  ...new Set(services.flatMap(methodsOf).map((method) => nameOf(method).replace(/\/.*/, ''))),
]

function methodsOf(service: ServiceDescription): readonly MethodDescription[] {
  if (!isTsProto(service)) return Object.values(service)
  const { fullName, methods } = service
  return Object.values(methods).map(({ name, ...rest }) => ({
    ...rest,
    path: `/${fullName}/${name}`,
  }))
}

const isTsProto = (service: ServiceDescription): service is TsProtoService =>
  typeof service.fullName === 'string'

const nameOf = ({ path }: MethodDescription): string => path.slice(1)

const IDEMPOTENT: ReadonlySet<unknown> = new Set(['IDEMPOTENT', 'NO_SIDE_EFFECTS'])

/** proto-loader keeps the option's name in the .proto, nice-grpc and ts-proto do not. */
function mayRunTwice(options: object = {}): boolean {
  const written = options as { idempotency_level?: unknown; idempotencyLevel?: unknown }
  return IDEMPOTENT.has(written.idempotency_level ?? written.idempotencyLevel)
}
