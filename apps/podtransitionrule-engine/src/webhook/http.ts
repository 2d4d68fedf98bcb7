// Sends one request to a webhook, with all protections: checked addresses, a verified server, limits of time and size.

import { lookup as resolveHost } from 'node:dns/promises';
import http, { type RequestOptions } from 'node:http';
import https from 'node:https';
import { type BlockList, isIP, type LookupFunction } from 'node:net';
import { isCallable } from './address.ts';
import { certificatesIn } from './ca-bundle.ts';

export type HttpRequest = {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly caBundle: string | undefined;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
};
/** @returns the JSON of a successful response @throws Error that says what went wrong */
export type SendRequest = (request: HttpRequest) => Promise<unknown>;

export type HttpOptions = {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Networks that may be called although they are forbidden by default. */
  readonly allowed: BlockList;
  readonly resolve?: (host: string) => Promise<readonly { address: string; family: number }[]>;
};

/** Connections are kept and used again. Redirects are not followed, and a proxy is never used. */
export function httpSender(options: HttpOptions): { send: SendRequest; close(): void } {
  const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };
  const lookup = checkedLookup(options);
  async function send({ method, url, caBundle, body, signal }: HttpRequest): Promise<unknown> {
    const target = new URL(url);
    const secure = target.protocol === 'https:';
    const host = target.hostname.replace(/^\[|\]$/g, '');
    // Names are checked where they are resolved, below; an address is never resolved.
    if (isIP(host) && !isCallable(host, options.allowed)) throw new Error(forbidden(host, [host]));
    const timeout = AbortSignal.timeout(options.timeoutMs);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const ca = certificatesIn(caBundle);
    const answer = await exchange(
      secure ? https.request : http.request,
      { url: target, body: text, maxBytes: options.maxBytes },
      {
        method,
        agent: secure ? agents['https:'] : agents['http:'],
        lookup,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          ...(text === undefined ? {} : { 'content-length': Buffer.byteLength(text) }),
        },
        signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
        ...(secure && ca !== undefined ? { ca } : {}),
      },
    ).catch((cause: unknown) => {
      const reason = timeout.aborted ? `no answer within ${options.timeoutMs / 1000} s` : messageOf(cause);
      throw new Error(`${method} ${shown(target)}: ${reason}`, { cause });
    });
    // The error does not contain the response. Otherwise a user who may write rules could read what only the engine can reach.
    if (answer.status < 200 || answer.status > 299)
      throw new Error(`${method} ${shown(target)}: status ${answer.status}`);
    try {
      return JSON.parse(answer.text);
    } catch (cause) {
      throw new Error(`${method} ${shown(target)}: the answer is not JSON`, { cause });
    }
  }
  return {
    send,
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

/**
 * Resolves a name and refuses it if any of its addresses is forbidden. The connection uses the addresses that this returns, so the name cannot
 * resolve to another address between the check and the call.
 */
function checkedLookup({ allowed, resolve = resolveAll }: HttpOptions): LookupFunction {
  return (host, lookupOptions, callback) => {
    resolve(host).then(
      (addresses) => {
        const refused = addresses.filter(({ address }) => !isCallable(address, allowed)).map(({ address }) => address);
        const [first] = addresses;
        if (refused.length > 0 || !first) {
          const reason = first ? forbidden(host, refused) : `${host} has no address`;
          callback(new Error(reason), '', 0);
        } else if (lookupOptions.all) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };
}

const resolveAll = (host: string) => resolveHost(host, { all: true });

function exchange(
  request: typeof http.request,
  { url, body, maxBytes }: { readonly url: URL; readonly body: string | undefined; readonly maxBytes: number },
  options: RequestOptions,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size <= maxBytes) return;
        reject(new Error(`the answer is longer than ${maxBytes} bytes`));
        response.destroy();
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The URL without its query, which may contain a token, and without user and password. */
function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

function forbidden(host: string, addresses: readonly string[]): string {
  return `${host} is at ${addresses.join(', ')}, which webhooks must not be called at (WEBHOOK_ALLOWED_NETWORKS)`;
}

function messageOf(error: unknown): string {
  // A host with several addresses fails with an empty message and one error for each.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
