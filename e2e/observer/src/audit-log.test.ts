import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiCall, AuditLog, countCalls, operatorWrites } from './audit-log.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-'));
});
afterEach(() => rm(folder, { recursive: true }));

const line = (change: object = {}) =>
  `${JSON.stringify({
    stage: 'ResponseComplete',
    verb: 'patch',
    userAgent: 'kuperator-collaset-controller',
    objectRef: { resource: 'pods', subresource: 'status' },
    responseStatus: { code: 200 },
    ...change,
  })}\n`;

test('reads each finished call once, even if its line was incomplete at first', async () => {
  const file = join(folder, 'audit.log');
  const [head, tail] = [line({ verb: 'create' }).slice(0, 20), line({ verb: 'create' }).slice(20)];
  await writeFile(file, line({ stage: 'RequestReceived' }) + line() + head);
  const log = new AuditLog(file);
  const call = { client: 'collaset-controller', byOperator: true, verb: 'patch', resource: 'pods/status', code: 200 };
  expect(await log.read()).toEqual([call]);
  await appendFile(file, tail);
  expect(await log.read()).toEqual([{ ...call, verb: 'create' }]);
  expect(await log.read()).toEqual([]);
});

test('a client that is not an operator is named by its user agent, or by its user name', async () => {
  const file = join(folder, 'audit.log');
  const nameless = line({ userAgent: '', user: { username: 'system:kube-scheduler' } });
  await writeFile(file, line({ userAgent: 'kubectl/v1.36 (linux)' }) + nameless);
  const calls = await new AuditLog(file).read();
  expect(calls.map(({ client, byOperator }) => [client, byOperator])).toEqual([
    ['kubectl', false],
    ['system:kube-scheduler', false],
  ]);
});

const call = (change: Partial<ApiCall>): ApiCall => ({
  client: 'engine',
  byOperator: true,
  verb: 'patch',
  resource: 'pods',
  code: 200,
  ...change,
});

test('counts writes of operators, including refused ones, but no reads, Events, Leases or writes of others', () => {
  const counted = [call({}), call({ code: 409 }), call({ verb: 'delete' })];
  const left = [
    call({ verb: 'watch' }),
    call({ resource: 'events' }),
    call({ resource: 'leases' }),
    call({ byOperator: false }),
  ];
  expect(operatorWrites([...counted, ...left])).toBe(counted.length);
});

test('counts calls by client, verb and resource, refused calls separately, and sorts by count', () => {
  expect(countCalls([call({ code: 409 }), call({}), call({})])).toEqual([
    { client: 'engine', verb: 'patch', resource: 'pods', calls: 2 },
    { client: 'engine', verb: 'patch → 409', resource: 'pods', calls: 1 },
  ]);
});
