import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { AppModule } from './app-module.ts'
import { Greetings } from './greetings.ts'

/*
 * A NestJS application that calls the greeter by its name and prints who answered.
 * Its setting is in the environment:
 *
 *   ROSTER_REGISTRY  address of the registry, default 127.0.0.1:7400
 */
const CALLS = 10

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] })
  const greetings = app.get(Greetings)
  for (let call = 0; call < CALLS; call += 1) {
    process.stdout.write(`${await greetings.greet('NestJS')}\n`)
  }
  await app.close()
}

void main()
