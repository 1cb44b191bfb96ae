import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import { Coalesced } from '../coalesced.ts'
import type { AddressPool } from './address-pool.ts'

const run = promisify(execFile)

/** How long a tool may take, in milliseconds. */
const TOOL_TIMEOUT_MS = 5_000
/** How often it looks whether everything is as it is to be, in milliseconds. */
const CHECK_INTERVAL_MS = 5_000
/** How many addresses are put on at once: each asks the neighbours for a second. */
const AT_ONCE = 32
/** Bit of CAP_NET_ADMIN in the sets of capabilities(7). */
const CAP_NET_ADMIN = 12n

/**
 * Holds addresses of a pool on a network interface (`ip address add IP/32 dev X`) and
 * tells the neighbours (gratuitous ARP, RFC 5227 section 3). An address that another
 * machine answers for stays there; it is taken over, within 5 s or so, when nobody does.
 * Addresses of the pool that no service has are taken off, a former life's too.
 */
export class Announcer {
  readonly #device: string
  readonly #pool: AddressPool
  readonly #log: Logger
  readonly #timer: NodeJS.Timeout
  readonly #apply = new Coalesced(() => this.#applyOnce())
  /** Undefined until it is known which: nothing is taken off before. */
  #wanted: ReadonlySet<string> | undefined
  #isClosed = false
  #failure: string | undefined
  #hasNoArping = false

  private constructor(device: string, pool: AddressPool, log: Logger) {
    this.#device = device
    this.#pool = pool
    this.#log = log
    this.#timer = setInterval(() => this.#start(), CHECK_INTERVAL_MS).unref()
  }

  /** Fails when there is no such interface, no `ip` program or no right to use it. */
  static async open(device: string, pool: AddressPool, log: Logger): Promise<Announcer> {
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))
    if (((BigInt(`0x${effective?.[1] ?? '0'}`) >> CAP_NET_ADMIN) & 1n) === 0n) {
      throw new Error(`addresses on ${device} need CAP_NET_ADMIN: run as root, or give it that`)
    }
    await addressesOn(device)
    return new Announcer(device, pool, log)
  }

  /** Why addresses are not where they belong; undefined when they are. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Has exactly these addresses of the pool on the interface, as soon as may be. */
  update(addresses: Iterable<string>): void {
    this.#wanted = new Set(addresses)
    this.#start()
  }

  /** The addresses stay: the kernel goes on, and the next life finds them. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#apply.run()
  }

  #start(): void {
    void this.#apply.run()
  }

  async #applyOnce(): Promise<void> {
    const wanted = this.#wanted
    if (!wanted || this.#isClosed) return
    try {
      const held = await addressesOn(this.#device)
      for (const ip of held) if (this.#pool.has(ip) && !wanted.has(ip)) await this.#takeOff(ip)
      const missing = [...wanted].filter((ip) => !held.has(ip))
      while (missing.length > 0 && !this.#isClosed) {
        await Promise.all(missing.splice(0, AT_ONCE).map((ip) => this.#putOn(ip)))
      }
      this.#failure = undefined
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error)
    }
  }

  async #putOn(ip: string): Promise<void> {
    const isIPv4 = isIP(ip) === 4
    if (isIPv4 && !(await this.#arping('-D', '-q', '-c', '1', '-w', '1', ip))) {
      this.#log.debug({ ip }, 'pool: another machine has it')
      return
    }
    await run('ip', ['address', 'add', hostRoute(ip), 'dev', this.#device], LIMITS)
    this.#log.info({ ip, device: this.#device }, 'pool: address held here')
    if (isIPv4) await this.#arping('-U', '-q', '-c', '2', '-w', '2', ip)
  }

  async #takeOff(ip: string): Promise<void> {
    await run('ip', ['address', 'del', hostRoute(ip), 'dev', this.#device], LIMITS)
    this.#log.info({ ip, device: this.#device }, 'pool: address given up')
  }

  /** Whether arping (iputils) ended well; without it nobody is asked, and nobody told. */
  async #arping(...args: readonly string[]): Promise<boolean> {
    try {
      await run('arping', [...args.slice(0, -1), '-I', this.#device, ...args.slice(-1)], LIMITS)
      return true
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      if (isMissing && !this.#hasNoArping) {
        this.#hasNoArping = true
        this.#log.warn('pool: arping is not installed (iputils-arping): neighbours learn late')
      }
      return isMissing
    }
  }
}

const LIMITS = { timeout: TOOL_TIMEOUT_MS }

const hostRoute = (ip: string): string => `${ip}/${isIP(ip) === 4 ? 32 : 128}`

/** Addresses of the interface that stand alone, as ours do. */
async function addressesOn(device: string): Promise<ReadonlySet<string>> {
  const { stdout } = await run('ip', ['-j', 'address', 'show', 'dev', device], LIMITS)
  const interfaces = JSON.parse(stdout) as readonly {
    readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number }[]
  }[]
  const alone = interfaces
    .flatMap(({ addr_info: own = [] }) => own)
    .filter(({ local = '', prefixlen }) => prefixlen === (isIP(local) === 4 ? 32 : 128))
  return new Set(alone.map(({ local = '' }) => local))
}
