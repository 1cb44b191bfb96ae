import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from './eventually.ts'

const BUSYBOX = '/bin/busybox'
/** Says that it needs no libraries. */
const STATIC = '/usr/share/doc/busybox-static'

/** Why no engine can be started here; undefined when one can. */
export function whyNoEngine(): string | undefined {
  if (process.env.CI) return 'it is too slow for CI'
  if (process.getuid?.() !== 0) return 'dockerd must be started as root'
  for (const program of ['dockerd', 'docker']) {
    if (spawnSync(program, ['--version']).status !== 0) return `there is no ${program}`
  }
  return existsSync(STATIC) ? undefined : 'there is no busybox-static (Debian) to make an image of'
}

/** A real Docker engine with an image `base` of busybox and a network `mesh`, in a directory of its own. */
export class RealEngine {
  readonly socketPath: string
  readonly #directory: string
  readonly #daemon: ChildProcess

  private constructor(directory: string) {
    this.#directory = directory
    this.socketPath = join(directory, 'docker.sock')
    const log = openSync(join(directory, 'log'), 'w')
    this.#daemon = spawn(
      'dockerd',
      [
        ...['--host', `unix://${this.socketPath}`, '--pidfile', join(directory, 'pid')],
        ...['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec')],
        // Nothing of the machine is changed but for one bridge, which goes with the network.
        ...[
          '--storage-driver',
          'vfs',
          '--bridge',
          'none',
          '--iptables=false',
          '--ip-forward=false',
        ],
      ],
      { stdio: ['ignore', log, log] },
    )
  }

  static async start(): Promise<RealEngine> {
    const directory = await mkdtemp(join(tmpdir(), 'engine-'))
    const engine = new RealEngine(directory)
    await eventually(() => engine.docker('version'), 30_000)
    const bin = join(directory, 'rootfs/bin')
    await mkdir(bin, { recursive: true })
    await cp(BUSYBOX, join(bin, 'busybox'))
    for (const name of ['sh', 'sleep', 'httpd']) await symlink('busybox', join(bin, name))
    const archive = join(directory, 'rootfs.tar')
    await promisify(execFile)('tar', ['-C', join(directory, 'rootfs'), '-cf', archive, '.'])
    await engine.docker('import', archive, 'base')
    await engine.docker('network', 'create', '--subnet', '172.31.243.0/24', 'mesh')
    return engine
  }

  async docker(...args: readonly string[]): Promise<string> {
    const env = { ...process.env, DOCKER_HOST: `unix://${this.socketPath}` }
    const { stdout } = await promisify(execFile)('docker', [...args], { env })
    return stdout.trim()
  }

  async stop(): Promise<void> {
    const containers = await this.docker('ps', '-aq')
    if (containers !== '') await this.docker('rm', '-f', ...containers.split('\n'))
    await this.docker('network', 'rm', 'mesh')
    const ended = once(this.#daemon, 'exit')
    this.#daemon.kill('SIGTERM')
    await ended
    await rm(this.#directory, { recursive: true, force: true })
  }
}
