import type { Container } from './engine.ts'

/** A port of a container that Registrator would have registered, and under which service. */
export interface RegistratorPort {
  readonly service: string
  readonly port: number
  /** `tcp`, `udp` or `sctp`. */
  readonly protocol: string
}

export interface RegistratorWishes {
  readonly isIgnored: boolean
  readonly ports: readonly RegistratorPort[]
}

/**
 * What a container wishes in the words of Registrator
 * (https://gliderlabs.github.io/registrator/latest/user/services/): SERVICE_NAME,
 * SERVICE_<port>_NAME, SERVICE_IGNORE and SERVICE_<port>_IGNORE, in labels or in the
 * environment. Unlike there, a port is the container's own, published or not, and
 * a container that names no service has none.
 */
export function registratorWishes({ Config }: Pick<Container, 'Config'>): RegistratorWishes {
  const wishes = new Map([...environment(Config.Env ?? []), ...Object.entries(Config.Labels ?? {})])
  const exposed = exposedPorts(Config)
  const isWished = (key: string) => (wishes.get(key) ?? '') !== ''
  const common = wishes.get('SERVICE_NAME') ?? ''
  const serviceOf = (port: number): string => {
    const own = wishes.get(`SERVICE_${port}_NAME`) ?? ''
    if (own !== '' || common === '' || exposed.length === 1) return own || common
    return `${common}-${port}`
  }
  return {
    isIgnored: isWished('SERVICE_IGNORE'),
    ports: exposed
      .filter(({ port }) => !isWished(`SERVICE_${port}_IGNORE`))
      .map((port) => ({ service: serviceOf(port.port), ...port }))
      .filter(({ service }) => service !== ''),
  }
}

/** Ports that the image or the command line declares, by number. */
export function exposedPorts({
  ExposedPorts,
}: Container['Config']): readonly Omit<RegistratorPort, 'service'>[] {
  return Object.keys(ExposedPorts ?? {})
    .map((text) => text.split('/'))
    .map(([port, protocol = 'tcp']) => ({ port: Number(port), protocol }))
    .filter(({ port }) => port > 0)
    .toSorted((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1))
}

function* environment(lines: readonly string[]): Generator<[string, string]> {
  for (const line of lines) {
    const at = line.indexOf('=')
    if (at > 0 && line.startsWith('SERVICE_')) yield [line.slice(0, at), line.slice(at + 1)]
  }
}
