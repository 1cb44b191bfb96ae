/** What a command has of the world it was started in. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Wall clock, ms since 1970: ages are counted from it. */
  now(): number
  /** Results. */
  out(text: string): void
  /** Errors and remarks. */
  err(text: string): void
  /** All of standard input. */
  input(): Promise<string>
  /**
   * Aborted by SIGINT or SIGTERM from the first call on; before it, both end the
   * process as usual. A second signal ends it at once.
   */
  stopSignal(): AbortSignal
}
