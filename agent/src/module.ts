/** A part of the agent that runs: it follows the source by itself until it is closed. */
export interface Module {
  readonly name: string
  /** Where it listens, `host:port`; of one that listens to others, whom it follows. Absent: neither. */
  readonly address?: string
  /** Resolves with the error when it can do its work no longer. */
  readonly failed: Promise<unknown>
  close(): Promise<void>
}
