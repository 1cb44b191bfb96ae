import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { ChannelCredentials } from '@grpc/grpc-js'

/**
 * Credentials of a registry whose certificate was issued by an authority in the file,
 * for the host it is called by. Errors: when there is no such file.
 */
export const issuedBy = (file: string): ChannelCredentials =>
  ChannelCredentials.createSsl(readFileSync(file))

/**
 * Credentials of the registry that shows the first certificate in the file: that one
 * alone, whoever issued it and for whatever name. Errors: when there is no such file,
 * or no certificate in it.
 */
export function showing(file: string): ChannelCredentials {
  const certificate = new X509Certificate(readFileSync(file))
  const context = createSecureContext({
    ca: certificate.toString(),
    // The certificate need not be an authority's.
    allowPartialTrustChain: true,
  })
  return ChannelCredentials.createFromSecureContext(context, {
    checkServerIdentity: (_, { fingerprint256 }) =>
      fingerprint256 === certificate.fingerprint256
        ? undefined
        : new Error(`the registry shows another certificate than ${file}`),
  })
}
