import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Whether `url` answers 200. The certificate is not checked, because only our own processes on loopback are asked. */
export function answersOk(url: string, timeoutMs = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    const request = url.startsWith('https:') ? httpsRequest : httpRequest;
    const asked = request(url, { timeout: timeoutMs, rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.on('close', () => resolve(false));
    asked.end();
  });
}

/**
 * Calls `condition` until it is true.
 * @throws Error `timed out waiting for <what>` after `timeoutMs`; an error of `condition` is rethrown at once
 */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  { what, timeoutMs, everyMs = 50 }: { what: string; timeoutMs: number; everyMs?: number },
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`timed out after ${timeoutMs} ms waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
