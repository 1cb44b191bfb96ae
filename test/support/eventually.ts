/** Asks again and again until the answer is true (or does not throw), for at most 10 s. */
export async function eventually(
  claim: () => unknown | Promise<unknown>,
  timeoutMs = 10_000,
): Promise<void> {
  const end = performance.now() + timeoutMs
  for (;;) {
    let failure: unknown = new Error('the claim never became true')
    try {
      if ((await claim()) !== false) return
    } catch (error) {
      failure = error
    }
    if (performance.now() > end) throw failure
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
