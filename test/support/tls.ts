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

/**
 * Makes a self-signed certificate, its own authority, for these alternative names, e.g.
 * `DNS:echo.demo` or `IP:127.0.0.1`.
 */
export const certificateFor = (...names: readonly string[]): Promise<Certificate> =>
  made('cert', [selfSigned('cert', names)])

/** Makes one that an authority has issued, which nobody knows. */
export const issuedCertificateFor = (...names: readonly string[]): Promise<Certificate> =>
  made('cert', [
    selfSigned('ca', []),
    [
      'req',
      ...NEW_KEY,
      '-subj',
      '/CN=roster-test',
      '-keyout',
      'cert.key',
      '-out',
      'cert.csr',
    ].concat(names.length > 0 ? ['-addext', `subjectAltName=${names.join()}`] : []),
    [
      ...['x509', '-req', '-in', 'cert.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key'],
      ...['-CAcreateserial', '-copy_extensions', 'copy', '-days', '1', '-out', 'cert.pem'],
    ],
  ])

const selfSigned = (file: string, names: readonly string[]) => [
  ...['req', '-x509', ...NEW_KEY, '-days', '1', '-subj', `/CN=roster-test ${file}`],
  ...(names.length > 0 ? ['-addext', `subjectAltName=${names.join()}`] : []),
  ...['-keyout', `${file}.key`, '-out', `${file}.pem`],
]

/** Has openssl run in an empty directory, and reads what it has made. */
async function made(file: string, runs: readonly (readonly string[])[]): Promise<Certificate> {
  const directory = await mkdtemp(join(tmpdir(), 'roster-tls-'))
  try {
    for (const args of runs) await promisify(execFile)('openssl', [...args], { cwd: directory })
    return {
      cert: await readFile(join(directory, `${file}.pem`)),
      key: await readFile(join(directory, `${file}.key`)),
    }
  } finally {
    await rm(directory, { recursive: true })
  }
}
