import { join } from 'node:path'
import { Module } from '@nestjs/common'
import { type ClientGrpc, ClientsModule, Transport } from '@nestjs/microservices'
import type { Roster } from '@roster/client'
import { Greetings } from './greetings.ts'
import { ROSTER, RosterModule } from './roster-module.ts'

/** Token of the gRPC client of the greeter. */
const GREETER = 'GREETER'

@Module({
  imports: [
    ClientsModule.registerAsync([
      {
        name: GREETER,
        imports: [RosterModule],
        inject: [ROSTER],
        useFactory: (roster: Roster) => ({
          transport: Transport.GRPC,
          options: {
            url: 'roster:///demo/greeter',
            channelOptions: roster.channelOptions(),
            package: 'demo.v1',
            protoPath: join(__dirname, '../../greeter.proto'),
          },
        }),
      },
    ]),
  ],
  providers: [
    {
      provide: Greetings,
      inject: [GREETER],
      useFactory: (client: ClientGrpc) => new Greetings(client),
    },
  ],
})
export class AppModule {}
