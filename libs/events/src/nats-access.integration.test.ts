import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// Only to make keys: the library itself knows the client in one file.
import { nkeys } from 'nats';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createEventBus } from './event-bus.ts';
import type { EventBus, EventBusOptions } from './options.ts';
import { readEvents } from './read-events.ts';
import { aRecord, permitted } from './test/facts.ts';
import { type NatsServer, natsServer, until } from './test/nats-server.ts';

const dir = mkdtempSync(join(tmpdir(), 'kuperator-nats-access-'));
const fileOf = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const running: EventBus[] = [];
let server: NatsServer | undefined;

async function serverWith(extra: string): Promise<NatsServer> {
  server = await natsServer({ extra });
  await server.start();
  return server;
}

function aBus(options: Partial<EventBusOptions>) {
  const record = aRecord();
  const bus = createEventBus({
    url: server?.url ?? '',
    cluster: 'test',
    source: 'a-controller',
    ...record.hooks,
    ...options,
  });
  bus.start();
  running.push(bus);
  return { ...record, bus, warnings: () => record.lines.filter(({ level }) => level === 'warn') };
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((bus) => bus.stop()));
  await server?.remove();
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('credentials', () => {
  test('user and password, in the settings or in the url', async () => {
    const { url } = await serverWith('authorization { user: kuperator, password: "a/b" }');
    for (const access of [{ user: 'kuperator', password: 'a/b' }, { url: url.replace('//', '//kuperator:a%2Fb@') }]) {
      const { bus, lines } = aBus(access);
      bus.publish(permitted(0));
      expect(await bus.flush()).toBe(true);
      expect(JSON.stringify(lines)).not.toContain('a%2Fb');
    }
  });

  test('a token', async () => {
    await serverWith('authorization { token: "t0ken" }');
    const { bus } = aBus({ token: 't0ken' });
    bus.publish(permitted(0));
    expect(await bus.flush()).toBe(true);
  });

  test('an nkey file', async () => {
    const pair = nkeys.createUser();
    await serverWith(`authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`);
    const nkeyFile = fileOf('user.nk', `${new TextDecoder().decode(pair.getSeed())}\n`);
    const { bus } = aBus({ nkeyFile });
    bus.publish(permitted(0));
    expect(await bus.flush()).toBe(true);
  });

  test('wrong credentials are reported once and retried with the present content of the file', async () => {
    const right = nkeys.createUser();
    await serverWith(`authorization { users: [ { nkey: ${right.getPublicKey()} } ] }`);
    const seedOf = (pair: typeof right) => new TextDecoder().decode(pair.getSeed());
    const nkeyFile = fileOf('rotated.nk', seedOf(nkeys.createUser()));
    const { bus, warnings } = aBus({ nkeyFile });
    bus.publish(permitted(0));
    await until(() => warnings().length > 0, 'the failure to be reported');
    expect(await bus.flush(1_000)).toBe(false);
    expect(warnings()).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ reason: expect.stringMatching(/authorization/i) }) }),
    ]);
    expect(bus.state()).toBe('disconnected');
    fileOf('rotated.nk', seedOf(right));
    expect(await bus.flush(20_000)).toBe(true);
  });

  test('a file that is missing is reported by name', async () => {
    await serverWith('');
    const { warnings } = aBus({ credsFile: join(dir, 'not-mounted.creds') });
    await until(() => warnings().length > 0, 'the failure to be reported');
    expect(warnings()[0]?.fields.reason).toContain('not-mounted.creds');
  });
});

test('TLS with a private CA and a client certificate, and no connection without encryption if TLS is requested', async () => {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '1',
    '-subj',
    '/CN=test',
    '-addext',
    'subjectAltName=DNS:localhost',
    '-keyout',
    'key.pem',
    '-out',
    'cert.pem',
  );
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const { url } = await serverWith(
    `tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${cert}", verify: true }`,
  );
  const named = url.replace('127.0.0.1', 'localhost'); // the client checks certificates against host names only
  const { bus, lines } = aBus({ url: named, tlsCaFile: cert, tlsCertFile: cert, tlsKeyFile: key });
  bus.publish(permitted(0));
  expect(await bus.flush(), JSON.stringify(lines)).toBe(true);
  const stranger = aBus({ url: named.replace('nats:', 'tls:') });
  await until(() => stranger.warnings().length > 0, 'the unknown authority to be refused');
  await bus.stop();
  await server?.remove();

  await serverWith('');
  const strict = aBus({ url: server?.url.replace('nats:', 'tls:') ?? '' });
  await until(() => strict.warnings().length > 0, 'the plain connection to be refused');
  expect(strict.bus.state()).toBe('disconnected');
});

describe('permissions', () => {
  const users = (permissions: string) =>
    `authorization { users: [
      { user: operator, password: x, permissions: { ${permissions} } },
      { user: admin, password: x }
    ] }`;
  const operator = { user: 'operator', password: 'x' };
  const admin = { user: 'admin', password: 'x' };

  async function storedNames(url: string): Promise<string[]> {
    const names: string[] = [];
    for await (const { event } of readEvents({ url, ...admin, history: { fromSequence: 1 }, follow: false }))
      names.push(event.name);
    return names;
  }

  test('the permissions in the README are enough for an operator whose stream exists', async () => {
    const { url } = await serverWith(
      users(`publish: ["kuperator.v1.test.*.pod.*.operation.>", "$JS.API.STREAM.INFO.KUPERATOR_EVENTS"],
             subscribe: ["_INBOX_operator.>", "kuperator.v1.test.*.pod.*.transition.decided"]`),
    );
    const first = aBus(admin);
    first.bus.publish(permitted(0));
    expect(await first.bus.flush()).toBe(true);
    const { bus, lines, published } = aBus(operator);
    bus.subscribe({ kind: 'pod', event: 'transition.decided' }, () => {});
    bus.publish(permitted(1));
    expect(await bus.flush()).toBe(true);
    expect(published).toEqual(['web-1']);
    expect(lines.map(({ message }) => message)).toEqual(['connected to NATS']);
    expect(await storedNames(url)).toEqual(['web-0', 'web-1']);
  });

  test('without the permission to create the stream, events are published at once without it, which is logged once', async () => {
    await serverWith(
      users(
        `publish: ["kuperator.v1.>", "$JS.API.STREAM.INFO.KUPERATOR_EVENTS"], subscribe: ["_INBOX_operator.>", "kuperator.v1.>"]`,
      ),
    );
    const begun = performance.now();
    const { bus, warnings } = aBus(operator);
    const heard: string[] = [];
    bus.subscribe({}, ({ name }) => heard.push(name));
    bus.publish(permitted(0));
    expect(await bus.flush()).toBe(true);
    await until(() => heard.length === 1, 'the event to be heard');
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(warnings().map(({ message }) => message)).toEqual(['events are published without history']);
  });

  test('without any permission for the JetStream API, events are stored once the stream exists', async () => {
    const { url } = await serverWith(users(`publish: ["kuperator.v1.>"], subscribe: ["_INBOX_operator.>"]`));
    const first = aBus(admin);
    first.bus.publish(permitted(0));
    await first.bus.flush();
    const { bus } = aBus(operator);
    bus.publish(permitted(1));
    bus.publish(permitted(1));
    expect(await bus.flush()).toBe(true);
    await until(async () => (await storedNames(url)).length === 2, 'the event to be stored');
  });

  test('a forbidden event is dropped and counted, and does not delay a permitted one', async () => {
    await serverWith(
      users(`publish: ["kuperator.v1.test.shop.pod.web-1.>", "$JS.API.STREAM.>"], subscribe: ["_INBOX_operator.>"]`),
    );
    const { bus, dropped, published } = aBus(operator);
    bus.publish(permitted(0));
    bus.publish(permitted(1));
    expect(await bus.flush()).toBe(true);
    expect(dropped).toEqual([{ reason: 'rejected', name: 'web-0' }]);
    expect(published).toEqual(['web-1']);
  });

  test('a forbidden subscription is reported, and the others continue', async () => {
    await serverWith(users(`publish: [">"], subscribe: ["_INBOX_operator.>"]`));
    const { bus, warnings } = aBus(operator);
    bus.subscribe({ kind: 'pod' }, () => {});
    bus.publish(permitted(0));
    expect(await bus.flush()).toBe(true);
    await until(() => warnings().length > 0, 'the refusal to be reported');
    expect(warnings()[0]?.message).toContain('no wake-ups');
    expect(bus.state()).toBe('connected');
  });

  test('without permission for an inbox no acknowledgement arrives, and publishing continues without', async () => {
    await serverWith(users(`publish: [">"], subscribe: ["kuperator.v1.>"]`));
    const { bus, published } = aBus(operator);
    bus.publish(permitted(0));
    expect(await bus.flush(20_000)).toBe(true);
    expect(published).toEqual(['web-0']);
  });
});
