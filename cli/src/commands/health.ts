import type { Context, ExitCode } from '../context.ts'

/** grpc.health.v1 HealthCheckResponse.ServingStatus, by number. */
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** `roster health`: whether the registry serves, by its own word (grpc.health.v1). */
export async function health({ connection, terminal }: Context): Promise<ExitCode> {
  const { status } = await connection.health.check({ service: '' })
  const word = STATUSES[status] ?? `status ${status}`
  if (word === 'SERVING') {
    terminal.out(`${word}\n`)
    return 0
  }
  terminal.err(`error: the registry at ${connection.address} says ${word}\n`)
  return 1
}
