import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemUpstreams, upstreamsIn } from './upstreams.ts'

it('the name servers of a resolv.conf are read, and nothing else', () => {
  const text =
    '# nameserver 192.0.2.9\nsearch x\nnameserver 192.0.2.1\n nameserver fd00::1\nnameserver x\n'
  expect(upstreamsIn(text).map(({ host }) => host)).toEqual(['192.0.2.1', 'fd00::1'])
})

it('a server does not ask itself', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'roster-resolv-'))
  const file = join(directory, 'resolv.conf')
  await writeFile(file, 'nameserver 127.0.0.1\nnameserver 192.0.2.1\n')
  const others = (host: string, port: number) =>
    systemUpstreams({ host, port }, file).map((upstream) => upstream.host)
  expect(others('127.0.0.1', 53)).toEqual(['192.0.2.1'])
  expect(others('0.0.0.0', 53)).toEqual(['192.0.2.1'])
  expect(others('127.0.0.1', 10_053)).toEqual(['127.0.0.1', '192.0.2.1'])
  await rm(directory, { recursive: true })
})
