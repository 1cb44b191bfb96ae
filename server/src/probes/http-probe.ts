import { type OutgoingHttpHeaders, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { HTTPGetAction, HTTPHeader } from '../model/probe.ts'
import { type Address, printAddress } from './address.ts'
import { type AttemptLimits, attempt } from './attempt.ts'
import { answeredWrong, failed, type Outcome, succeeded } from './outcome.ts'

/** Bytes of a body that are read, to be thrown away; what is longer is cut. */
const MAX_BODY_BYTES = 64 * 1024

/**
 * Whether a GET is answered with 200 to 399 (Kubernetes pkg/probe/http). No
 * redirect is followed, no certificate checked, no connection kept.
 */
export function probeHttp(
  address: Address,
  { scheme, path, httpHeaders }: HTTPGetAction,
  limits: AttemptLimits,
): Promise<Outcome> {
  const what = `GET ${scheme.toLowerCase()}://${printAddress(address)}${path}`
  return attempt(what, limits, (settle) => {
    const send = scheme === 'HTTPS' ? requestHttps : requestHttp
    const request = send({
      host: address.host,
      port: address.port,
      path,
      headers: headersOf(httpHeaders),
      agent: false,
      rejectUnauthorized: false,
    })
    request.on('error', (error) => settle(failed(what, error)))
    request.on('response', (response) => {
      const status = response.statusCode ?? 0
      const answer = `answered ${status}`
      const isGood = status >= 200 && status < 400
      const outcome = isGood ? succeeded(what, answer) : answeredWrong(what, 'HTTPStatus', answer)
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > MAX_BODY_BYTES) settle(outcome)
      })
      response.on('end', () => settle(outcome))
      response.on('error', (error) => settle(failed(what, error)))
    })
    request.end()
    return () => request.destroy()
  })
}

function headersOf(own: readonly HTTPHeader[]): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { 'user-agent': 'roster-probe', accept: '*/*' }
  const byName = new Map<string, string[]>()
  for (const { name, value } of own) {
    const key = name.toLowerCase()
    byName.set(key, [...(byName.get(key) ?? []), value])
  }
  for (const [name, values] of byName) {
    headers[name] = values.length === 1 ? values[0] : values
  }
  return headers
}
