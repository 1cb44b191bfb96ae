/** What came of asking a pod once. */
export interface Outcome {
  readonly isSuccess: boolean
  /** One word why: `ConnectionRefused`. */
  readonly reason: string
  /** What was asked, where, and what came of it. */
  readonly message: string
  /** Whether anything answered, be it no. Silence may as well be the registry's own network. */
  readonly isAnswered: boolean
}

type Cause = readonly [reason: string, text: string, voice: 'answered' | 'silent']

const CAUSES: Readonly<Record<string, Cause>> = {
  ECONNREFUSED: ['ConnectionRefused', 'connection refused', 'answered'],
  ECONNRESET: ['ConnectionReset', 'connection closed without an answer', 'answered'],
  EPIPE: ['ConnectionReset', 'connection closed without an answer', 'answered'],
  ETIMEDOUT: ['Timeout', 'no answer in time', 'silent'],
  EHOSTUNREACH: ['NoRoute', 'no route to the host', 'silent'],
  EHOSTDOWN: ['NoRoute', 'no route to the host', 'silent'],
  ENETUNREACH: ['NoRoute', 'no route to the network', 'silent'],
  ENETDOWN: ['NoRoute', 'the network is down', 'silent'],
  EADDRNOTAVAIL: ['NoRoute', 'no route from here to the address', 'silent'],
  ENOTFOUND: ['NameNotFound', 'the host name is not known', 'silent'],
  EAI_AGAIN: ['NameNotFound', 'the host name could not be looked up', 'silent'],
}

/** `what` names what was asked and where: `tcp 10.0.0.1:80`. */
export const succeeded = (what: string, answer: string): Outcome => ({
  isSuccess: true,
  reason: 'Succeeded',
  message: `${what}: ${answer}`,
  isAnswered: true,
})

/** Something answered, and not what it should. */
export const answeredWrong = (what: string, reason: string, answer: string): Outcome => ({
  isSuccess: false,
  reason,
  message: `${what}: ${answer}`,
  isAnswered: true,
})

/** Nothing came back, or nothing could be asked. */
export const unanswered = (what: string, reason: string, text: string): Outcome => ({
  isSuccess: false,
  reason,
  message: `${what}: ${text}`,
  isAnswered: false,
})

/** The outcome of an error of Node's net, http or http2. */
export function failed(what: string, error: unknown): Outcome {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const cause = CAUSES[code]
  if (cause !== undefined) {
    const [reason, text, voice] = cause
    return (voice === 'answered' ? answeredWrong : unanswered)(what, reason, text)
  }
  const text = error instanceof Error ? error.message : String(error)
  // Parse errors of http, protocol errors of http2 and TLS: somebody speaks another language.
  const isForeign = /^(HPE_|ERR_HTTP2_|ERR_SSL_|EPROTO)/.test(code)
  if (isForeign) return answeredWrong(what, 'MalformedAnswer', text)
  return unanswered(what, 'Failed', text)
}
