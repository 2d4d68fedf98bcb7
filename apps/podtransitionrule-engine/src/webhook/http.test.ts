import { BlockList } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Approver, type Reply } from '../test/approver.ts';
import { certificatesFor } from '../test/certificates.ts';
import { networksOf } from './address.ts';
import { type HttpOptions, httpSender } from './http.ts';

const open: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.stop();
});

const LOOPBACK = networksOf(['127.0.0.0/8', '::1/128']) ?? new BlockList();

function sender(options: Partial<HttpOptions> = {}) {
  const made = httpSender({ timeoutMs: 5000, maxBytes: 1000, allowed: LOOPBACK, ...options });
  open.push({ stop: () => made.close() });
  return made.send;
}

async function approver(reply: Reply, tls?: { cert: string; key: string }) {
  const started = await new Approver(() => reply, tls).start();
  open.push(started);
  return started;
}

const get = (url: string, caBundle?: string) => ({ method: 'GET' as const, url, caBundle });
const inBase64 = (text: string) => Buffer.from(text).toString('base64');
const named = async () => [{ address: '127.0.0.1', family: 4 }];

describe('a call', () => {
  test('posts JSON and returns the JSON of the response', async () => {
    const server = await approver({ success: true });
    const answer = await sender()({ method: 'POST', url: server.url('/ask'), caBundle: 'Cg==', body: { a: 1 } });
    expect(answer).toEqual({ success: true });
    expect(server.received).toMatchObject([
      { method: 'POST', path: '/ask', contentType: 'application/json', body: { a: 1 } },
    ]);
  });

  test('has the content type of JSON even without a body', async () => {
    const server = await approver({});
    await sender()(get(server.url('/poll?a=b')));
    expect(server.received).toMatchObject([{ method: 'GET', contentType: 'application/json', body: undefined }]);
  });

  test.each<{ name: string; reply: Reply; error: RegExp }>([
    {
      name: 'a status other than success',
      reply: (response) => response.writeHead(503).end('not now'),
      error: /GET http:\/\/127\.0\.0\.1:\d+\/: status 503$/,
    },
    {
      name: 'a redirect, which is not followed',
      reply: (response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      error: /status 302/,
    },
    { name: 'a body that is not JSON', reply: (response) => response.end('yes'), error: /the answer is not JSON/ },
    {
      name: 'a body that is too large',
      reply: (response) => response.end(JSON.stringify({ message: 'x'.repeat(2000) })),
      error: /the answer is longer than 1000 bytes/,
    },
    {
      name: 'a body that ends early',
      reply: (response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{');
        setTimeout(() => response.destroy(), 20);
      },
      error: /aborted|hang up|ECONNRESET/,
    },
    { name: 'no response in time', reply: () => {}, error: /no answer within 0.3 s/ },
  ])('fails on $name (H7)', async ({ reply, error }) => {
    const server = await approver(reply);
    await expect(sender({ timeoutMs: 300 })(get(server.url()))).rejects.toThrow(error);
  });

  test('fails if no server listens (H7)', async () => {
    const server = await new Approver(() => ({})).start();
    const url = server.url();
    await server.stop();
    await expect(sender()(get(url))).rejects.toThrow(/ECONNREFUSED/);
  });

  test('ends when it is aborted', async () => {
    const server = await approver(() => {});
    const abort = new AbortController();
    const call = sender()({ ...get(server.url()), signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    await expect(call).rejects.toThrow(/abort/);
  });

  test('keeps the query out of errors, because it may contain a token', async () => {
    const server = await approver((response) => response.writeHead(500).end());
    await expect(sender()(get(server.url('/x?token=secret')))).rejects.toThrow(/^GET http:\/\/[^?]*\/x: status 500$/);
  });
});

describe('the address called', () => {
  const none = new BlockList();

  test('must not be forbidden', async () => {
    const server = await approver({});
    await expect(sender({ allowed: none })(get(server.url()))).rejects.toThrow(
      '127.0.0.1 is at 127.0.0.1, which webhooks must not be called at (WEBHOOK_ALLOWED_NETWORKS)',
    );
    await expect(sender({ allowed: none })(get('http://[::1]:1/'))).rejects.toThrow('::1 is at ::1');
    await expect(sender({ allowed: none })(get('http://0x7f.1:1/'))).rejects.toThrow('must not be called');
    await expect(sender({ allowed: none })(get('http://2852039166/'))).rejects.toThrow('169.254.169.254 is at');
    expect(server.received).toEqual([]);
  });

  test('is checked where its name is resolved', async () => {
    const server = await approver({});
    const send = sender({ allowed: none, resolve: named });
    await expect(send(get(server.url('/', 'approver.test')))).rejects.toThrow('approver.test is at 127.0.0.1, which');
    expect(server.received).toEqual([]);
  });

  test('is refused if one address of the name is forbidden', async () => {
    const resolve = async () => [
      { address: '10.0.0.1', family: 4 },
      { address: '169.254.169.254', family: 4 },
    ];
    await expect(sender({ resolve })(get('http://approver.test/'))).rejects.toThrow(
      'approver.test is at 169.254.169.254, which',
    );
  });

  test('is the one that was checked, even if the name resolves to another a moment later', async () => {
    const server = await approver({ success: true });
    let asked = 0;
    const resolve = async () => {
      asked += 1;
      return [{ address: asked === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }];
    };
    await expect(sender({ resolve })(get(server.url('/', 'approver.test')))).resolves.toEqual({ success: true });
    expect(asked).toBe(1);
  });

  test('is missing if the name does not resolve', async () => {
    await expect(sender({ resolve: async () => [] })(get('http://approver.test/'))).rejects.toThrow('has no address');
    const resolve = () => Promise.reject(new Error('getaddrinfo ENOTFOUND approver.test'));
    await expect(sender({ resolve })(get('http://approver.test/'))).rejects.toThrow('ENOTFOUND');
  });
});

describe('a server with TLS', () => {
  test('is trusted only if caBundle signed its certificate', async () => {
    const [signed, other] = await Promise.all([certificatesFor('approver.test'), certificatesFor('approver.test')]);
    const server = await approver({ success: true }, signed);
    const send = sender({ resolve: named });
    const url = server.url('/', 'approver.test');
    await expect(send(get(url, inBase64(signed.ca)))).resolves.toEqual({ success: true });
    await expect(send(get(url, inBase64(other.ca)))).rejects.toThrow(/certificate|signature/);
    await expect(send(get(url))).rejects.toThrow(/certificate/);
    await expect(send(get(url, 'Cg=='))).rejects.toThrow(/certificate/);
    await expect(send(get(url, inBase64(`${other.ca}\n${signed.ca}`)))).resolves.toEqual({ success: true });
  });

  test('must have a certificate for the name that is called', async () => {
    const signed = await certificatesFor('another.test');
    const server = await approver({}, signed);
    const url = server.url('/', 'approver.test');
    await expect(sender({ resolve: named })(get(url, inBase64(signed.ca)))).rejects.toThrow(/altnames|does not match/i);
  });
});
