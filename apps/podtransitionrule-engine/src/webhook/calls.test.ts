import { createLogger, createMetrics } from '@kuperator/runtime';
import { FakeClock } from '@kuperator/testing';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type Asker, MAX_QUESTION_BYTES, WebhookCalls } from './calls.ts';
import type { HttpRequest } from './http.ts';
import { webhookMetrics } from './metrics.ts';

const asker = (key = 'shop/rule', name = 'ask', host = 'approver'): Asker => ({
  key,
  uid: `uid-${key}`,
  rule: {
    name,
    webhook: { clientConfig: { url: `http://${host}/ask`, caBundle: 'Cg==', poll: { url: `http://${host}/poll` } } },
  },
});
const poll = (id: string) => ({ kind: 'poll' as const, id, taskId: id });
const ask = (id: string) => ({ kind: 'ask' as const, id, names: ['p1'] });

let sent: (HttpRequest & { answer: (body: unknown) => void; fail: (reason: string) => void })[];
let woken: string[];
let ours: boolean;
let readNames: string[];
let noteBytes: number;
const metrics = webhookMetrics(createMetrics('test', { processMetrics: false }));

beforeEach(() => {
  sent = [];
  woken = [];
  ours = true;
  readNames = [];
  noteBytes = 0;
});

function callsOf(maxCalls = 32) {
  return new WebhookCalls({
    send: (request) =>
      new Promise((resolve, reject) => {
        sent.push({ ...request, answer: resolve, fail: (reason) => reject(new Error(reason)) });
      }),
    readPods: async (_key, _rule, names) => {
      readNames.push(...names);
      const annotations = { note: 'x'.repeat(noteBytes) };
      return names.map((name) => ({ metadata: { name, annotations }, spec: { containers: [] } }));
    },
    onOutcome: (key) => woken.push(key),
    isOurs: () => ours,
    maxCalls,
    clock: new FakeClock(),
    logger: createLogger({ app: 'test', level: 'silent' }),
    metrics,
  });
}

const sentCount = (count: number) => vi.waitFor(() => expect(sent).toHaveLength(count));
const wokenCount = (count: number) => vi.waitFor(() => expect(woken).toHaveLength(count));

describe('a question about Pods with large fields', () => {
  const field = { fieldRef: { fieldPath: "metadata.annotations['note']" } };
  const parameters = Array.from({ length: 80 }, (_, index) => ({ key: `p${index}`, valueFrom: field }));
  const large = (kib: number): Asker => {
    const { rule, ...rest } = asker();
    noteBytes = kib * 1024;
    return { ...rest, rule: { ...rule, webhook: { clientConfig: { url: 'http://approver/ask' }, parameters } } };
  };
  const names = Array.from({ length: 100 }, (_, index) => `p${index}`);

  test('covers the Pods for which it has room, and the answer covers no others', async () => {
    const calls = callsOf();
    const who = large(10);
    calls.start(who, { kind: 'ask', id: 't1', names });
    await sentCount(1);
    expect(Buffer.byteLength(JSON.stringify(sent[0]?.body))).toBeLessThan(MAX_QUESTION_BYTES + 1000);
    const { resources } = sent[0]?.body as { resources: { name: string }[] };
    expect(resources).toHaveLength(5);
    sent[0]?.answer({ success: true, about: names });
    await wokenCount(1);
    const { last } = calls.outcomesFor(who).asked('t1') ?? {};
    expect(last).toMatchObject({ state: 'answered', answer: { about: names.slice(0, 5) } });
    // No more Pods were read than one batch beyond those that were asked about.
    expect(readNames.length).toBeLessThanOrEqual(8);
  });

  test('refuses a Pod that fits into no question without a call, and names it', async () => {
    const calls = callsOf();
    const who = large(100);
    calls.start(who, { kind: 'ask', id: 't1', names: ['p1'] });
    await wokenCount(1);
    expect(sent).toHaveLength(0);
    expect(calls.outcomesFor(who).asked('t1')?.last).toMatchObject({
      state: 'answered',
      answer: {
        success: false,
        about: ['p1'],
        message: 'the parameters of Pod p1 have more than the 4 MiB that a question may have',
      },
    });
  });
});

describe('a call (T72)', () => {
  test('runs in the background, and its answer wakes the rule object', async () => {
    const calls = callsOf();
    calls.start(asker(), ask('t1'));
    expect(calls.outcomesFor(asker()).asked('t1')).toEqual({ running: true });
    await sentCount(1);
    expect(sent[0]).toMatchObject({ method: 'POST', url: 'http://approver/ask', caBundle: 'Cg==' });
    expect(sent[0]?.body).toMatchObject({ traceId: 't1', resources: [{ name: 'p1' }] });
    sent[0]?.answer({ success: true });
    await wokenCount(1);
    expect(calls.outcomesFor(asker()).asked('t1')).toMatchObject({
      running: false,
      last: { state: 'answered', answer: { success: true } },
    });
  });

  test('is not made twice at the same time', async () => {
    const calls = callsOf();
    calls.start(asker(), ask('t1'));
    calls.start(asker(), ask('t1'));
    await sentCount(1);
  });

  test.each([
    ['an error', (index: number) => sent[index]?.fail('no route'), 'no route'],
    ['a body that is no answer', (index: number) => sent[index]?.answer({ success: 'yes' }), 'does not have the form'],
    ['a list', (index: number) => sent[index]?.answer([]), 'does not have the form'],
  ])('that ends in %s counts as a failure, and failures are counted (H7)', async (_name, end, error) => {
    const calls = callsOf();
    for (const failures of [1, 2]) {
      calls.start(asker(), ask('t1'));
      await sentCount(failures);
      end(failures - 1);
      await wokenCount(failures);
      const { last } = calls.outcomesFor(asker()).asked('t1') ?? {};
      expect(last).toMatchObject({ state: 'failed', failures, error: expect.stringContaining(error) });
    }
  });

  test('has its message shortened, because every waiting Pod repeats it', async () => {
    const calls = callsOf();
    calls.start(asker(), ask('t1'));
    calls.start(asker(), poll('t2'));
    await sentCount(2);
    for (const request of sent) request.answer({ success: false, message: 'x'.repeat(1_000_000) });
    await wokenCount(2);
    const { asked, polled } = calls.outcomesFor(asker());
    for (const outcome of [asked('t1'), polled('t2')]) {
      expect(JSON.stringify(outcome?.last).length).toBeLessThan(1000);
    }
  });

  test('fails if the id of its task does not fit into a URL', async () => {
    const calls = callsOf();
    calls.start(asker(), ask('t1'));
    await sentCount(1);
    sent[0]?.answer({ success: true, poll: true, taskId: 'x'.repeat(100_000) });
    await wokenCount(1);
    expect(calls.outcomesFor(asker()).asked('t1')?.last).toMatchObject({ state: 'failed' });
  });

  test('keeps the last outcome while it is repeated', async () => {
    const calls = callsOf();
    calls.start(asker(), poll('t1'));
    await sentCount(1);
    sent[0]?.answer({ success: true, finishedNames: null, message: 'half' });
    await wokenCount(1);
    calls.start(asker(), poll('t1'));
    expect(calls.outcomesFor(asker()).polled('t1')).toMatchObject({
      running: true,
      last: { answer: { message: 'half' } },
    });
  });

  test('is polled at the poll URL with the id of the task', async () => {
    callsOf().start(asker(), poll('t&1'));
    await sentCount(1);
    expect(sent[0]).toMatchObject({ method: 'GET', url: 'http://approver/poll?task-id=t%261' });
    expect(sent[0]?.body).toBeUndefined();
  });

  test('is not confused with the call of another rule, or of a later object of the same name', async () => {
    const calls = callsOf();
    calls.start(asker(), ask('t1'));
    expect(calls.outcomesFor(asker('shop/rule', 'other')).asked('t1')).toBeUndefined();
    expect(calls.outcomesFor({ ...asker(), uid: 'later' }).asked('t1')).toBeUndefined();
  });

  test('is not made after another replica took over the rule object', async () => {
    const calls = callsOf(1);
    calls.start(asker(), poll('t1'));
    calls.start(asker(), poll('t2'));
    await sentCount(1);
    ours = false;
    sent[0]?.answer({});
    await vi.waitFor(() => expect(calls.outcomesFor(asker()).polled('t2')).toEqual({ running: false }));
    expect(sent).toHaveLength(1);
  });

  test('is aborted when the engine stops', async () => {
    const calls = callsOf();
    calls.start(asker(), ask('t1'));
    await sentCount(1);
    calls.stop();
    expect(sent[0]?.signal?.aborted).toBe(true);
  });
});

test('limits the number of concurrent polls of all rule objects; questions do not wait for polls', async () => {
  const calls = callsOf(32);
  for (let rule = 0; rule < 20; rule++) calls.start(asker(`shop/rule-${rule}`, 'ask', `approver-${rule}`), poll('t'));
  calls.start(asker(), ask('q'));
  await sentCount(17);
  expect(sent.filter(({ method }) => method === 'GET')).toHaveLength(16);
  sent.find(({ method }) => method === 'GET')?.answer({});
  await sentCount(18);
});

describe('an approver that hangs leaves room for others', () => {
  test.each([
    {
      name: 'if one rule object calls it for many tasks',
      hang: (at: number) => ({ asker: asker('shop/slow', 'ask', `slow-${at}`), id: `t${at}` }),
    },
    {
      name: 'if many rule objects call it',
      hang: (at: number) => ({ asker: asker(`shop/slow-${at}`, 'ask', 'slow'), id: 't' }),
    },
  ])('$name', async ({ hang }) => {
    const calls = callsOf(32);
    for (let at = 0; at < 40; at++) {
      const { asker, id } = hang(at);
      calls.start(asker, poll(id));
    }
    await sentCount(8);
    calls.start(asker('shop/quick', 'ask', 'quick'), poll('q'));
    await sentCount(9);
    expect(sent.at(-1)?.url).toContain('http://quick/');
  });

  test('even if there are four such approvers', async () => {
    const calls = callsOf(32);
    for (let at = 0; at < 160; at++) calls.start(asker(`shop/slow-${at}`, 'ask', `slow-${at % 4}`), poll('t'));
    const before = sent.length;
    calls.start(asker('shop/quick', 'ask', 'quick'), poll('q'));
    await vi.waitFor(() => expect(sent.at(-1)?.url).toContain('http://quick/'));
    expect(sent.length).toBe(before + 1);
  });

  test('all approvers of one namespace, each with its own rule object, leave as much room for another namespace', async () => {
    const calls = callsOf(32);
    for (let at = 0; at < 60; at++) calls.start(asker(`tenant/slow-${at}`, 'ask', `slow-${at}`), ask('t'));
    await sentCount(16);
    for (let at = 0; at < 4; at++) calls.start(asker('neighbour/quick', 'ask', 'quick'), ask(`q${at}`));
    await sentCount(20);
    expect(sent.slice(16).every(({ url }) => url.startsWith('http://quick/'))).toBe(true);
  });

  test('a rule object with many calls does not starve the others', async () => {
    const calls = callsOf(1);
    for (let at = 0; at < 3; at++) calls.start(asker('shop/busy'), poll(`t${at}`));
    calls.start(asker('shop/quick', 'ask', 'quick'), poll('q'));
    for (let call = 1; call <= 4; call++) {
      await sentCount(call);
      sent[call - 1]?.answer({});
    }
    await wokenCount(4);
    expect(new Set(woken)).toEqual(new Set(['shop/busy', 'shop/quick']));
  });
});

test('outcomes without a task in the status are dropped', async () => {
  const calls = callsOf();
  calls.start(asker(), ask('t1'));
  calls.start(asker(), ask('t2'));
  calls.retain('shop/rule', 'uid-shop/rule', [{ rule: 'ask', id: 't2' }]);
  expect(calls.outcomesFor(asker()).asked('t1')).toBeUndefined();
  expect(calls.outcomesFor(asker()).asked('t2')).toEqual({ running: true });
  calls.retain('shop/rule', '', []);
  expect(calls.outcomesFor(asker()).asked('t2')).toBeUndefined();
});
