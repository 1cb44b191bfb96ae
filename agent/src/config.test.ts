import { describe, expect, it } from 'vitest'
import type { AgentOptions } from './agent.ts'
import { agentCommand } from './config.ts'

/** What the flags mean, or the error they are answered with. */
async function parse(...args: string[]): Promise<AgentOptions | string> {
  let options: AgentOptions | undefined
  let error = ''
  const command = agentCommand(async (parsed) => {
    options = parsed
  })
    .exitOverride()
    .configureOutput({
      writeErr: (text) => {
        error += text
      },
    })
  await command.parseAsync(args, { from: 'user' }).catch(() => undefined)
  return options ?? error
}

describe('the flags of roster agent', () => {
  it('have defaults that need no privileges', async () => {
    expect(await parse('--dns-forward', 'none')).toEqual({
      registry: '127.0.0.1:7400',
      logLevel: 'info',
      snapshotFile: './roster-agent.json',
      dns: {
        listen: { host: '127.0.0.1', port: 10_053 },
        forward: [],
        clusterDomain: 'cluster.local',
        ttlSeconds: 5,
        podNames: 'disabled',
        reverseZones: ['127.96.0.0/16'],
      },
      proxy: {
        engine: 'auto',
        serviceRanges: ['127.96.0.0/16'],
        masquerade: 'needed',
        nodePortAddresses: ['127.0.0.1'],
      },
    })
  })

  it('turn DNS, the proxy and the snapshot off', async () => {
    const off = ['--dns-listen', 'off', '--proxy', 'off', '--snapshot', 'off']
    expect(await parse(...off)).toEqual({ registry: '127.0.0.1:7400', logLevel: 'info' })
  })

  it('choose who carries the traffic, and of which addresses', async () => {
    const ranges = ['--service-cluster-ip-range', '10.96.0.0/17,fd00:96::/112']
    const node = ['--node-port-addresses', '10.0.0.5,::1']
    expect(
      await parse('--proxy', 'nftables', '--masquerade', 'all', ...ranges, ...node),
    ).toMatchObject({
      proxy: {
        engine: 'nftables',
        serviceRanges: ['10.96.0.0/17', 'fd00:96::/112'],
        masquerade: 'all',
        nodePortAddresses: ['10.0.0.5', '::1'],
      },
    })
  })

  it('follow a Docker engine when told to, at its usual socket or another', async () => {
    const usual = await parse('--docker')
    const other = await parse('--docker', 'unix:///run/other.sock', '--docker-expose-by-default')
    const bad = await parse('--docker', 'tcp://127.0.0.1:2375')
    expect(usual).toMatchObject({
      docker: { socketPath: '/var/run/docker.sock', exposedByDefault: false },
    })
    expect(other).toMatchObject({
      docker: { socketPath: '/run/other.sock', exposedByDefault: true },
    })
    expect(bad).toMatch(/^error: --docker tcp:\/\/127.0.0.1:2375: must be the path/)
  })

  it('name upstreams with and without port', async () => {
    const options = await parse('--dns-forward', '192.0.2.1,192.0.2.2:5353,[fd00::1]:54,fd00::2')
    expect(options).toMatchObject({
      dns: {
        forward: [
          { host: '192.0.2.1', port: 53 },
          { host: '192.0.2.2', port: 5353 },
          { host: 'fd00::1', port: 54 },
          { host: 'fd00::2', port: 53 },
        ],
      },
    })
  })

  it.each([
    ['--dns-listen', 'nowhere'],
    ['--dns-listen', '127.0.0.1'],
    ['--dns-listen', '127.0.0.1:65536'],
    ['--dns-forward', 'example.org'],
    ['--dns-ttl', '3601'],
    ['--dns-ttl', '-1'],
    ['--cluster-domain', 'a..b'],
    ['--service-cluster-ip-range', '10.0.0.0'],
    ['--service-cluster-ip-range', '10.0.0.0/33'],
    ['--dns-pods', 'insecure'],
    ['--proxy', 'iptables'],
    ['--masquerade', 'nothing'],
    ['--node-port-addresses', 'eth0'],
    ['--ca', '/missing'],
    ['--registry-cert', '/missing'],
    ['--registry-cert', '/etc/hostname'],
  ])('say what is wrong with %s %s', async (flag, value) => {
    expect(await parse(flag, value)).toMatch(new RegExp(`^error: [^\\n]*${flag}[^\\n]+\\n`))
  })
})
