/** A server of a running HAProxy. */
export interface RunningServer {
  readonly backend: string
  readonly name: string
  readonly weight: number
  /** `ready`: it gets connections; `drain`: no new ones; `maint`: none, and it can be deleted. */
  readonly state: 'ready' | 'drain' | 'maint'
}

/** Bits of srv_admin_state that commands set. */
const FORCED_MAINTENANCE = 0x01
const FORCED_DRAIN = 0x08

/** The servers in the answer to `show servers state` (Management Guide 9.3). */
export function runningServers(text: string): readonly RunningServer[] {
  const lines = text.split('\n')
  const header = lines.find((line) => line.startsWith('# be_id '))
  if (header === undefined) return []
  const columns = header.slice(2).split(' ')
  const cell = (name: string) => {
    const index = columns.indexOf(name)
    return (cells: readonly string[]) => cells[index] ?? ''
  }
  const [backend, name] = [cell('be_name'), cell('srv_name')]
  const [admin, weight] = [cell('srv_admin_state'), cell('srv_uweight')]
  return lines
    .slice(lines.indexOf(header) + 1)
    .map((line) => line.split(' '))
    .filter((cells) => cells.length >= columns.length)
    .map((cells) => ({
      backend: backend(cells),
      name: name(cells),
      weight: Number(weight(cells)),
      state: stateOf(Number(admin(cells))),
    }))
}

function stateOf(admin: number): RunningServer['state'] {
  if ((admin & FORCED_MAINTENANCE) !== 0) return 'maint'
  return (admin & FORCED_DRAIN) !== 0 ? 'drain' : 'ready'
}
