import type { ClientGrpc } from '@nestjs/microservices'
import { firstValueFrom, type Observable, timeout } from 'rxjs'

const CALL_TIMEOUT_MS = 5_000

/** demo.v1.GreeterService, as NestJS presents it. */
interface Greeter {
  sayHello(request: { readonly name: string }): Observable<{
    readonly message: string
    readonly pod: string
  }>
}

/** Greets by way of the greeter service, at whichever pod is best. */
export class Greetings {
  readonly #greeter: Greeter

  constructor(client: ClientGrpc) {
    this.#greeter = client.getService<Greeter>('GreeterService')
  }

  /** Who answered, and what. */
  async greet(name: string): Promise<string> {
    const answer = this.#greeter.sayHello({ name }).pipe(timeout(CALL_TIMEOUT_MS))
    const { message, pod } = await firstValueFrom(answer)
    return `${pod}: ${message}`
  }
}
