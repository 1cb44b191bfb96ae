import { Module } from '@nestjs/common'
import { connectRoster } from '@roster/client'

/** Token of the connection to the registry. */
export const ROSTER = 'ROSTER'

/** Connects to the registry, and closes the connection when the application ends. */
@Module({
  providers: [
    {
      provide: ROSTER,
      useFactory: () => {
        const roster = connectRoster(process.env.ROSTER_REGISTRY ?? '127.0.0.1:7400')
        return Object.assign(roster, { onApplicationShutdown: () => roster.close() })
      },
    },
  ],
  exports: [ROSTER],
})
export class RosterModule {}
