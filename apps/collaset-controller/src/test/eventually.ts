const DEADLINE_MS = 40_000;
const EVERY_MS = 50;

/**
 * Waits until `check` no longer throws, and answers what it answers.
 * @throws what `check` threw last, after `timeoutMs`
 */
export async function eventually<T>(check: () => Promise<T>, timeoutMs = DEADLINE_MS): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ; ) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
}
