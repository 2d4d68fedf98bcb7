import type { Dispatcher } from 'undici';
import type { TransportResponse } from './transport.ts';

/**
 * Sends one request and collects the whole response. It uses the lowest level of undici, because its streams and body mixins would
 * take a quarter of the CPU time of a write.
 */
export function exchange(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  signal: AbortSignal | undefined,
): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    let status = 0;
    let headers: TransportResponse['headers'] = {};
    const chunks: Buffer[] = [];
    let controller: Dispatcher.DispatchController | undefined;
    const abort = () => {
      const reason = signal?.reason instanceof Error ? signal.reason : new Error('aborted');
      controller?.abort(reason);
      reject(reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    dispatcher.dispatch(options, {
      onRequestStart(given) {
        controller = given;
        // Aborted while it waited for a connection.
        if (signal?.aborted) abort();
      },
      onResponseStart(_, statusCode, responseHeaders) {
        status = statusCode;
        headers = responseHeaders as TransportResponse['headers'];
      },
      onResponseData(_, chunk) {
        chunks.push(chunk);
      },
      onResponseEnd() {
        signal?.removeEventListener('abort', abort);
        const [only] = chunks;
        const bytes = chunks.length === 1 && only ? only : Buffer.concat(chunks);
        resolve({ status, headers, body: bytes.toString('utf8') });
      },
      onResponseError(_, error) {
        signal?.removeEventListener('abort', abort);
        reject(error);
      },
    });
  });
}
