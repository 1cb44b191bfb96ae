import { type Metadata, status } from '@grpc/grpc-js'
import type { AttemptListener } from '../grpc/adapter.ts'

/** Time between two sweeps, in milliseconds: nothing is held for longer than two of them. */
const SWEEP_MS = 500
/** Methods that are remembered, at most. */
const MAX_METHODS = 1_000

type Status = Parameters<AttemptListener['onReceiveStatus']>[0]

/**
 * Holds the beginning of an answer back until it is whole. A server that is killed leaves
 * answers behind of which there are headers and a message, but not the end; and grpc-js
 * tries no call again that has seen a header (gRFC A6), although a unary call has shown
 * nothing to the application yet. Of an answer that breaks off while it is held nothing
 * is passed on but the failure, so that it is tried again like any other.
 *
 * Answers that become whole in one turn of the event loop are passed on together, step by
 * step: all headers, all messages, all ends. The code of each step stays in the
 * processor's caches, which takes a quarter off what a call costs under load.
 *
 * Only methods that have answered with one message, and never with a second one, are
 * held: streams would come late. What is taken for one by mistake is a second late, once.
 */
export class AnswerHold {
  readonly #kinds = new Map<string, 'single' | 'stream'>()
  readonly #held: HeldAnswer[] = []
  #whole: HeldAnswer[] = []
  #sweeps = 0
  #isSweeping = false

  /** What is to hear an attempt in the listener's place. */
  listen(method: string, listener: AttemptListener): AttemptListener {
    const kind = this.#kinds.get(method)
    if (kind === 'stream') return listener
    const answer = new HeldAnswer(method, listener, this)
    answer.isHeld = kind === 'single'
    return answer
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

  /** A method has answered so. Once a stream, it stays one. */
  learn(method: string, kind: 'single' | 'stream'): void {
    const known = this.#kinds.get(method)
    if (known === 'stream' || (known === undefined && this.#kinds.size >= MAX_METHODS)) return
    this.#kinds.set(method, kind)
  }

  readonly #pass = (): void => {
    const whole = this.#whole
    this.#whole = []
    for (const answer of whole) guarded(() => answer.passMetadata())
    for (const answer of whole) guarded(() => answer.passMessage())
    for (const answer of whole) guarded(() => answer.passStatus())
  }

  /** Never stopped, because calls outlive their channel: it ends when nothing is held. */
  #schedule(): void {
    setTimeout(() => {
      // What came while the event loop was busy is read first: it may be the end.
      setImmediate(() => this.#sweep()).unref()
    }, SWEEP_MS).unref()
  }

  #sweep(): void {
    const due = this.#held.filter(({ sweep }) => sweep < this.#sweeps)
    this.#sweeps += 1
    for (const answer of due) guarded(() => answer.release())
    this.#isSweeping = this.#held.length > 0
    if (this.#isSweeping) this.#schedule()
  }
}

/** A caller whose listener throws ends its process, or not; the answers of others go on. */
function guarded(pass: () => void): void {
  try {
    pass()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

/** Listens to one attempt. */
class HeldAnswer implements AttemptListener {
  /** Whether what comes is kept here. */
  isHeld = false
  /** Where it is in the hold, and since which sweep. */
  place = 0
  sweep = 0
  readonly #method: string
  readonly #listener: AttemptListener
  readonly #hold: AnswerHold
  #messages = 0
  #metadata: Metadata | undefined
  #message: unknown
  #status: Status | undefined

  constructor(method: string, listener: AttemptListener, hold: AnswerHold) {
    this.#method = method
    this.#listener = listener
    this.#hold = hold
  }

  onReceiveMetadata(metadata: Metadata): void {
    if (this.isHeld) {
      this.#metadata = metadata
      this.#hold.add(this)
    } else this.#listener.onReceiveMetadata(metadata)
  }

  /** grpc-js reads no second one before the first was passed on. */
  onReceiveMessage(message: unknown): void {
    this.#messages += 1
    if (this.#messages === 2) this.#hold.learn(this.#method, 'stream')
    if (this.isHeld) this.#message = message
    else this.#listener.onReceiveMessage(message)
  }

  onReceiveStatus(ended: Status): void {
    if (this.isHeld && this.#metadata !== undefined) {
      if (ended.code !== status.UNAVAILABLE) {
        this.#status = ended
        this.#hold.end(this)
        return
      }
      this.#hold.remove(this)
    } else if (this.#messages === 1 && ended.code === status.OK) {
      this.#hold.learn(this.#method, 'single')
    }
    this.#listener.onReceiveStatus(ended)
  }

  /** Passes on what has come so far, and from now on what comes. */
  release(): void {
    this.isHeld = false
    this.#hold.remove(this)
    this.passMetadata()
    this.passMessage()
  }

  passMetadata(): void {
    if (this.#metadata !== undefined) this.#listener.onReceiveMetadata(this.#metadata)
    this.#metadata = undefined
  }

  passMessage(): void {
    if (this.#messages > 0) this.#listener.onReceiveMessage(this.#message)
    this.#message = undefined
  }

  passStatus(): void {
    if (this.#status !== undefined) this.#listener.onReceiveStatus(this.#status)
  }
}
