import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A certificate and its key, both PEM. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

const alternativeNames = (names: readonly string[]) => ['-addext', `subjectAltName=${names.join()}`]

const selfSigned = (file: string) => [
  ...['req', '-x509', ...NEW_KEY, '-days', '1', '-subj', `/CN=roster-test ${file}`],
  ...['-keyout', `${file}.key`, '-out', `${file}.pem`],
]

/**
 * Makes a self-signed certificate, its own authority, for these alternative names, e.g.
 * `DNS:echo.demo` or `IP:127.0.0.1`.
 */
export const certificateFor = (...names: readonly string[]): Promise<Certificate> =>
  made([...selfSigned('cert'), ...alternativeNames(names)])

/** Makes one that an authority has issued, which nobody knows. */
export const issuedCertificateFor = (...names: readonly string[]): Promise<Certificate> =>
  made(
    selfSigned('ca'),
    [
      ...['req', ...NEW_KEY, '-subj', '/CN=roster-test', ...alternativeNames(names)],
      ...['-keyout', 'cert.key', '-out', 'cert.csr'],
    ],
    [
      ...['x509', '-req', '-in', 'cert.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key'],
      ...['-CAcreateserial', '-copy_extensions', 'copy', '-days', '1', '-out', 'cert.pem'],
    ],
  )

/** Has openssl run in an empty directory, and reads the certificate it has made. */
async function made(...runs: readonly (readonly string[])[]): Promise<Certificate> {
  const directory = await mkdtemp(join(tmpdir(), 'roster-tls-'))
  try {
    for (const args of runs) await promisify(execFile)('openssl', [...args], { cwd: directory })
    return {
      cert: await readFile(join(directory, 'cert.pem')),
      key: await readFile(join(directory, 'cert.key')),
    }
  } finally {
    await rm(directory, { recursive: true })
  }
}
