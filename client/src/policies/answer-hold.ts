import { AsyncResource } from 'node:async_hooks'
import { type Metadata, status } from '@grpc/grpc-js'
import {
  type AttemptListener,
  type AttemptStatus,
  isBrokenOff,
  isRequestSent,
  type OwnListener,
} from '../grpc/adapter.ts'

/** Time between two sweeps, in milliseconds: nothing is held for longer than two of them. */
const SWEEP_MS = 250
/** How often a method has to answer with one message before it counts as unary. */
const KNOWN_AFTER = 20
/** Methods that are remembered, at most. */
const MAX_METHODS = 1_000

/**
 * Holds the beginning of an answer back until it is whole. A server that is killed leaves
 * answers behind of which there are headers and a message, but not the end; and grpc-js
 * tries no call again that has seen a header (gRFC A6), although a unary call has not
 * answered its caller yet. Of an answer that breaks off while it is held nothing is passed
 * on but the failure, so that it is tried again like any other.
 *
 * Answers that become whole in one turn of the event loop are passed on together, step by
 * step: all headers, all messages, all ends. The code of each step stays in the
 * processor's caches, which takes a quarter off what a call costs under load.
 *
 * Nothing here knows which methods are unary, so they have to show it: by single messages
 * to requests that were sent to their end. A method that turns out to be none is late
 * once, half a second at most, and never held again.
 */
export class AnswerHold {
  /** How many single messages a method has answered with; or that it has streams. */
  readonly #methods = new Map<string, number | 'stream'>()
  readonly #held: HeldAnswer[] = []
  #whole: HeldAnswer[] = []
  #sweeps = 0
  #isSweeping = false

  /** What is to hear an attempt in the listener's place; undefined: the listener itself. */
  listen(method: string, listener: AttemptListener): OwnListener | undefined {
    const known = this.#methods.get(method) ?? 0
    if (known === 'stream') return undefined
    return new HeldAnswer({ method, listener, hold: this, mayBeHeld: known >= KNOWN_AFTER })
  }

  /** The answer begins, and is held. */
  add(answer: HeldAnswer): void {
    answer.sweep = this.#sweeps
    answer.place = this.#held.push(answer) - 1
    if (this.#isSweeping) return
    this.#isSweeping = true
    this.#schedule()
  }

  /** The answer is held no more. */
  remove(answer: HeldAnswer): void {
    const last = this.#held.pop()
    if (last === undefined || last === answer) return
    this.#held[answer.place] = last
    last.place = answer.place
  }

  /** The answer has come to its end: it is passed on when this turn of the event loop ends. */
  end(answer: HeldAnswer): void {
    this.remove(answer)
    const isFirst = this.#whole.push(answer) === 1
    // Alone it has nobody to wait for.
    if (isFirst && this.#held.length === 0) this.#pass()
    else if (isFirst) setImmediate(this.#pass)
  }

  /** A method has answered with one message. */
  isSingle(method: string): void {
    const known = this.#methods.get(method) ?? 0
    if (known !== 'stream') this.#learn(method, known + 1)
  }

  /** A method is not unary. */
  isStream(method: string): void {
    this.#learn(method, 'stream')
  }

  #learn(method: string, known: number | 'stream'): void {
    if (this.#methods.size < MAX_METHODS || this.#methods.has(method)) {
      this.#methods.set(method, known)
    }
  }

  readonly #pass = (): void => {
    const whole = this.#whole
    this.#whole = []
    for (const answer of whole) answer.run(answer.passMetadata)
    for (const answer of whole) answer.run(answer.passMessage)
    for (const answer of whole) answer.run(answer.passStatus)
  }

  /** Never stopped, because calls outlive their channel: it ends when nothing is held. */
  #schedule(): void {
    setTimeout(() => {
      // What came while the event loop was busy is read first: it may be the end.
      setImmediate(() => this.#sweep())
    }, SWEEP_MS).unref()
  }

  #sweep(): void {
    const due = this.#held.filter(({ sweep }) => sweep < this.#sweeps)
    this.#sweeps += 1
    for (const answer of due) answer.run(answer.release)
    this.#isSweeping = this.#held.length > 0
    if (this.#isSweeping) this.#schedule()
  }
}

interface HeldAnswerOptions {
  readonly method: string
  readonly listener: AttemptListener
  readonly hold: AnswerHold
  /** Whether the method is known to be unary. */
  readonly mayBeHeld: boolean
}

/** Listens to one attempt. */
class HeldAnswer implements OwnListener {
  call: OwnListener['call']
  /** Where it is in the hold, and since which sweep. */
  place = 0
  sweep = 0
  readonly #options: HeldAnswerOptions
  /** Of the call, whose caller may know it by what is kept there (AsyncLocalStorage). */
  #context: AsyncResource | undefined
  #messages = 0
  #metadata: Metadata | undefined
  #message: unknown
  #status: AttemptStatus | undefined

  constructor(options: HeldAnswerOptions) {
    this.#options = options
  }

  onReceiveMetadata(metadata: Metadata): void {
    const { method, listener, hold, mayBeHeld } = this.#options
    if (!isRequestSent(this.call)) hold.isStream(method)
    else if (mayBeHeld) {
      this.#metadata = metadata
      this.#context = new AsyncResource('RosterAnswer')
      hold.add(this)
      return
    }
    listener.onReceiveMetadata(metadata)
  }

  /** grpc-js reads no second one before the first was passed on. */
  onReceiveMessage(message: unknown): void {
    const { method, listener, hold } = this.#options
    this.#messages += 1
    if (this.#messages === 2) hold.isStream(method)
    if (this.#metadata !== undefined) this.#message = message
    else listener.onReceiveMessage(message)
  }

  onReceiveStatus(ended: AttemptStatus): void {
    const { method, listener, hold, mayBeHeld } = this.#options
    if (this.#metadata !== undefined) {
      if (!isBrokenOff(ended)) {
        this.#status = ended
        hold.end(this)
        return
      }
      hold.remove(this)
    } else if (!mayBeHeld && this.#messages === 1 && ended.code === status.OK) {
      hold.isSingle(method)
    }
    listener.onReceiveStatus(ended)
  }

  /** Does it for this call. A listener that throws does not keep others from their answers. */
  run(step: () => void): void {
    try {
      this.#context?.runInAsyncScope(step, this)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }

  /** Passes on what has come so far, and from now on what comes. */
  release(): void {
    const { method, hold } = this.#options
    hold.isStream(method)
    hold.remove(this)
    this.passMetadata()
    this.passMessage()
  }

  passMetadata(): void {
    const metadata = this.#metadata
    this.#metadata = undefined
    if (metadata !== undefined) this.#options.listener.onReceiveMetadata(metadata)
  }

  passMessage(): void {
    if (this.#messages > 0) this.#options.listener.onReceiveMessage(this.#message)
    this.#message = undefined
  }

  passStatus(): void {
    if (this.#status !== undefined) this.#options.listener.onReceiveStatus(this.#status)
  }
}
