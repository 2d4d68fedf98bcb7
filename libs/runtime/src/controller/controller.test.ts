import { PODS } from '@kuperator/api';
import { aPod, FakeClock, settled } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { KubeClient } from '../client/client.ts';
import {
  AbortedError,
  type ApiError,
  apiErrorFor,
  ConflictError,
  ConnectionError,
  TerminalError,
  ThrottledError,
} from '../client/errors.ts';
import { outsidePass } from '../client/pass-signal.ts';
import type { TransportRequest, TransportResponse } from '../client/transport.ts';
import { createLogger, type Logger } from '../process/logger.ts';
import { createMetrics } from '../process/metrics.ts';
import { Controller, type Reconcile } from './controller.ts';

function controllerWith(reconcile: Reconcile, options: Partial<ConstructorParameters<typeof Controller>[0]> = {}) {
  const clock = new FakeClock();
  const metrics = createMetrics('test', { processMetrics: false });
  const logger = createLogger({ app: 'test', level: 'silent' });
  const controller = new Controller({
    name: 'pod',
    reconcile,
    concurrency: 2,
    keys: () => [],
    clock,
    logger,
    metrics,
    ...options,
  });
  controller.start();
  return { controller, clock, metrics };
}

/** A reconcile that notes when it ran and fails as told. */
function recording(clock: () => FakeClock, failures: unknown[] = []) {
  const at: number[] = [];
  const reconcile: Reconcile = async () => {
    at.push(clock().monotonic());
    const failure = failures.shift();
    if (failure) throw failure;
  };
  return { at, reconcile };
}

test('runs no key twice at the same time, and runs it again if it changed meanwhile', async () => {
  let running = 0;
  let most = 0;
  let passes = 0;
  const gate = Promise.withResolvers<void>();
  const { controller } = controllerWith(async () => {
    most = Math.max(most, ++running);
    passes++;
    await gate.promise;
    running--;
  });
  controller.enqueue('a');
  controller.enqueue('a');
  await settled();
  controller.enqueue('a');
  controller.enqueue('a');
  gate.resolve();
  await settled();
  expect([most, passes]).toEqual([1, 2]);
});

test('does not run inside the caller, so that several events for a key are one pass', async () => {
  const passes: string[] = [];
  const { controller } = controllerWith(async (key) => {
    passes.push(key);
  });
  for (let i = 0; i < 5; i++) {
    controller.enqueue('a');
    await Promise.resolve();
  }
  expect(passes).toEqual([]);
  await settled();
  expect(passes).toEqual(['a']);
});

test('backs off with growing delays after failures, and starts over after a successful pass', async () => {
  let clock = new FakeClock();
  const { at, reconcile } = recording(
    () => clock,
    [new Error('1'), new Error('2'), new Error('3'), undefined, new Error('4')],
  );
  const made = controllerWith(reconcile, { backoff: { baseMs: 100, maxMs: 10_000 } });
  clock = made.clock;
  made.controller.enqueue('a');
  await clock.advanceAsync(1000);
  const waits = at.slice(1).map((time, i) => time - (at[i] ?? 0));
  expect(waits).toHaveLength(3);
  for (const [i, wait] of waits.entries()) {
    expect(wait).toBeGreaterThanOrEqual(50 * 2 ** i);
    expect(wait).toBeLessThanOrEqual(100 * 2 ** i);
  }
  made.controller.enqueue('a');
  await clock.advanceAsync(100);
  expect((at[5] ?? 0) - (at[4] ?? 0)).toBeLessThanOrEqual(100);
});

test('retries soon after a conflict, also inside an AggregateError', async () => {
  let clock = new FakeClock();
  const conflict = new ConflictError('', { status: 409, reason: 'Conflict' });
  const { at, reconcile } = recording(() => clock, [new AggregateError([conflict, new AggregateError([conflict])])]);
  const made = controllerWith(reconcile, { backoff: { baseMs: 60_000, maxMs: 60_000 } });
  clock = made.clock;
  made.controller.enqueue('a');
  await clock.advanceAsync(30);
  expect(at).toHaveLength(2);
});

test('does not retry an error that only the user can resolve', async () => {
  let clock = new FakeClock();
  const { at, reconcile } = recording(() => clock, [new TerminalError('no such template')]);
  const made = controllerWith(reconcile);
  clock = made.clock;
  made.controller.enqueue('a');
  await clock.advanceAsync(3_600_000);
  expect(at).toHaveLength(1);
  made.controller.enqueue('a');
  await settled();
  expect(at).toHaveLength(2);
});

test('waits as long as a throttled response asks', async () => {
  let clock = new FakeClock();
  const throttled = new ThrottledError('', { status: 429, reason: 'TooManyRequests', retryAfterMs: 20_000 });
  const { at, reconcile } = recording(() => clock, [throttled]);
  const made = controllerWith(reconcile);
  clock = made.clock;
  made.controller.enqueue('a');
  await clock.advanceAsync(19_000);
  expect(at).toHaveLength(1);
  await clock.advanceAsync(2000);
  expect(at).toHaveLength(2);
});

test('keeps a minimum time between two passes of a key, but runs the first one at once', async () => {
  let clock = new FakeClock();
  const { at, reconcile } = recording(() => clock);
  const made = controllerWith(reconcile, { minIntervalMs: 100 });
  clock = made.clock;
  for (let i = 0; i < 25; i++) {
    made.controller.enqueue('a');
    await clock.advanceAsync(10);
  }
  await clock.advanceAsync(1000);
  expect(at).toEqual([0, 100, 200, 300]);
});

test('runs again after requeueAfterMs', async () => {
  let clock = new FakeClock();
  const at: number[] = [];
  const made = controllerWith(async () => {
    at.push(clock.monotonic());
    return at.length < 3 ? { requeueAfterMs: 500 } : undefined;
  });
  clock = made.clock;
  made.controller.enqueue('a');
  await clock.advanceAsync(5000);
  expect(at).toEqual([0, 500, 1000]);
});

test('resyncs all keys, spread over time', async () => {
  const passes = new Map<string, number>();
  const keys = ['a', 'b', 'c'];
  const { clock } = controllerWith(
    async (key) => {
      passes.set(key, (passes.get(key) ?? 0) + 1);
    },
    {
      keys: () => keys,
      resyncMs: 60_000,
    },
  );
  await clock.advanceAsync(0);
  expect([...passes.values()]).toEqual([1, 1, 1]);
  await clock.advanceAsync(66_000 + 15_000);
  expect([...passes.values()]).toEqual([2, 2, 2]);
});

test('a graceful stop lets running passes finish and takes no new keys', async () => {
  const gate = Promise.withResolvers<void>();
  const passes: string[] = [];
  const { controller } = controllerWith(async (key) => {
    await gate.promise;
    passes.push(key);
  });
  controller.enqueue('a');
  await settled();
  const stopped = controller.stop();
  controller.enqueue('b');
  gate.resolve();
  await stopped;
  await settled();
  expect(passes).toEqual(['a']);
});

test('works only on the keys of its shard, and on all of them when the shards change', async () => {
  let owned = new Set(['a']);
  const handlers = new Set<() => void>();
  const lapses = new Set<() => void>();
  let inFlight: () => readonly string[] = () => [];
  const shards = {
    owns: (key: string) => owned.has(key),
    onChange: (handler: () => void) => handlers.add(handler),
    onLapse: (handler: () => void) => lapses.add(handler),
    registerInFlight: (keys: () => readonly string[]) => {
      inFlight = keys;
    },
  };
  const passes: string[] = [];
  const signals: AbortSignal[] = [];
  const gate = Promise.withResolvers<void>();
  const { controller } = controllerWith(
    async (key, { signal }) => {
      passes.push(key);
      signals.push(signal);
      await gate.promise;
    },
    { keys: () => ['a', 'b'], shards: shards as never },
  );
  await settled();
  controller.enqueue('b');
  await settled();
  expect([passes, inFlight()]).toEqual([['a'], ['a']]);
  for (const lapse of lapses) lapse();
  expect(signals[0]?.aborted).toBe(true);
  gate.resolve();
  await settled();
  owned = new Set(['b']);
  for (const handler of handlers) handler();
  await settled();
  expect(passes).toEqual(['a', 'b']);
  expect(signals[1]?.aborted).toBe(false);
});

describe('a pass with a time limit', () => {
  /** A reconcile that waits for its signal, and then fails with its reason or ends as if all were well. */
  function waiting({ swallows = false }: { swallows?: boolean } = {}) {
    const reasons: unknown[] = [];
    const reconcile: Reconcile = (_, { signal }) =>
      new Promise((resolve, reject) => {
        const onAbort = () => {
          reasons.push(signal.reason);
          if (swallows) resolve();
          else reject(signal.reason);
        };
        if (signal.aborted) onAbort();
        signal.addEventListener('abort', onAbort, { once: true });
      });
    return { reasons, reconcile };
  }

  async function failuresOf(metrics: ReturnType<typeof createMetrics>): Promise<string | undefined> {
    const text = await metrics.registry.metrics();
    return /kuperator_reconcile_seconds_count\{[^}]*result="error"\} (\d+)/.exec(text)?.[1];
  }

  test.each([
    { how: 'fails', swallows: false },
    { how: 'swallows the abort', swallows: true },
  ])('counts as failed after its time limit and backs off, whether it $how', async ({ swallows }) => {
    const { reasons, reconcile } = waiting({ swallows });
    const { controller, clock, metrics } = controllerWith(reconcile, { backoff: { baseMs: 10_000, maxMs: 10_000 } });
    controller.enqueue('default/a');
    await clock.advanceAsync(119_000);
    expect(reasons).toEqual([]);
    await clock.advanceAsync(1000);
    expect(reasons).toEqual([new AbortedError('the pass of controller pod for default/a took longer than 120 s')]);
    expect(await failuresOf(metrics)).toBe('1');
    await clock.advanceAsync(4000);
    expect(controller.working()).toEqual([]);
    await clock.advanceAsync(6000);
    expect(controller.working()).toEqual(['default/a']);
  });

  test('keeps its key until it ends, so that no second pass runs beside it', async () => {
    let passes = 0;
    const { controller, clock } = controllerWith(() => {
      passes++;
      return new Promise(() => {});
    });
    controller.enqueue('a');
    controller.enqueue('a');
    await clock.advanceAsync(600_000);
    expect(passes).toBe(1);
  });

  test('leaves no timer behind when it ends by itself', async () => {
    const { controller, clock } = controllerWith(async () => {});
    controller.enqueue('a');
    await settled();
    expect(clock.timers).toBe(0);
  });

  test('sends no further write, and a running request ends with the reason', async () => {
    const sent: string[] = [];
    const never = (request: TransportRequest) => {
      sent.push(request.path);
      return new Promise<never>((_, reject) => {
        request.signal?.addEventListener('abort', () => reject(new ConnectionError('aborted')));
      });
    };
    const transport = { send: never, stream: never, close: async () => {} };
    const client = new KubeClient({ transport, maxInFlight: 1, clock: new FakeClock() });
    const errors: unknown[] = [];
    const write = (name: string) => client.create(PODS, aPod({ metadata: { name } }));
    const { controller } = controllerWith(async () => {
      const inFlightAndWaiting = await Promise.allSettled([write('in-flight'), write('waits-for-a-slot')]);
      const next = await Promise.allSettled([write('next')]);
      for (const result of [...inFlightAndWaiting, ...next])
        if (result.status === 'rejected') errors.push(result.reason);
    });
    controller.enqueue('a');
    await settled();
    controller.abort('this replica has lost its Lease');
    await settled();
    expect(sent).toHaveLength(1);
    expect(errors).toHaveLength(3);
    for (const error of errors) {
      expect(error).toBeInstanceOf(AbortedError);
      expect(String(error)).toMatch(/POST .*: aborted: this replica has lost its Lease$/);
    }
  });

  test('ends no request of another pass or outside of passes', async () => {
    const gate = Promise.withResolvers<TransportResponse>();
    const transport = {
      send: () => gate.promise,
      stream: () => Promise.reject(new Error('unused')),
      close: async () => {},
    };
    const client = new KubeClient({ transport, clock: new FakeClock() });
    const get = () => client.get(PODS, { namespace: 'default', name: 'a' });
    const started: Promise<unknown>[] = [];
    const first = controllerWith(async () => {
      started.push(outsidePass(get));
    });
    const second = controllerWith(async () => {
      started.push(get());
    });
    first.controller.enqueue('a');
    second.controller.enqueue('a');
    await settled();
    first.controller.abort('the operator is stopping');
    gate.resolve({ status: 200, headers: {}, body: '{"metadata":{"name":"a"}}' });
    expect(await Promise.all([...started, get()])).toEqual(Array(3).fill({ metadata: { name: 'a' } }));
  });
});

test('has a series for every result before the first pass', async () => {
  const { metrics } = controllerWith(async () => {});
  const text = await metrics.registry.metrics();
  for (const result of ['success', 'requeued', 'conflict', 'terminal', 'error']) {
    expect(text).toContain(`kuperator_reconcile_seconds_count{app="test",controller="pod",result="${result}"} 0`);
  }
});

test('counts passes by their result, retries and waiting keys', async () => {
  const { controller, metrics, clock } = controllerWith(async (key) => {
    if (key === 'bad') throw new Error('no');
  });
  controller.enqueue('good');
  controller.enqueue('bad');
  await clock.advanceAsync(0);
  const text = await metrics.registry.metrics();
  expect(text).toContain('kuperator_reconcile_seconds_count{app="test",controller="pod",result="success"} 1');
  expect(text).toContain('kuperator_reconcile_seconds_count{app="test",controller="pod",result="error"} 1');
  expect(text).toContain('kuperator_reconcile_retries_total{controller="pod",app="test"} 1');
  expect(text).toContain('kuperator_workqueue_depth{controller="pod",app="test"} 0');
});

/** A logger that keeps `<level> <message>: <cause or err>` of each line but debug ones. */
function listening(): { lines: string[]; logger: Logger } {
  const lines: string[] = [];
  const note = (level: string) => (fields: { cause?: string; err?: unknown }, message: string) => {
    lines.push(`${level} ${message}: ${fields.cause ?? fields.err}`);
  };
  const logger = { child: () => logger, debug: () => {}, ...loud(note) } as unknown as Logger;
  return { lines, logger };
}

const loud = (note: (level: string) => unknown) =>
  Object.fromEntries(['info', 'warn', 'error'].map((level) => [level, note(level)]));

describe('the log of passes that fail', () => {
  const POST = 'POST /api/v1/namespaces/shop/pods';
  const causes = [{ reason: 'NamespaceTerminating' }];
  const ending = (name: string) =>
    apiErrorFor(POST, { status: 403, reason: 'Forbidden', details: { causes } }, `pods "${name}" is forbidden`);
  const quota = (used: number) =>
    apiErrorFor(POST, { status: 403, reason: 'Forbidden' }, `exceeded quota: q, used: pods=${used}`);

  test('has one info line for a namespace that is being deleted, even if each pass is refused for a different Pod', async () => {
    const { lines, logger } = listening();
    const failures = ['a', 'b', 'c', 'd'].map(ending);
    const { at, reconcile } = recording(() => world.clock, failures);
    const world = controllerWith(reconcile, { logger });
    world.controller.enqueue('shop/web');
    await world.clock.advanceAsync(10_000);
    expect(at).toHaveLength(5);
    expect(lines).toEqual([
      expect.stringMatching(/^info nothing can be created in a namespace that is being deleted: /),
    ]);
  });

  test('has one line for a lasting refusal, one for a different one, and one when it returns or is old', async () => {
    const { lines, logger } = listening();
    const other = apiErrorFor(POST, { status: 422, reason: 'Invalid' }, 'spec: x');
    const failures: (ApiError | undefined)[] = [quota(3), quota(4), other, undefined, quota(3)];
    const world = controllerWith(
      async () => {
        const failure = failures.shift();
        if (failure) throw failure;
      },
      { logger },
    );
    world.controller.enqueue('shop/web');
    await world.clock.advanceAsync(10_000);
    world.controller.enqueue('shop/web');
    await world.clock.advanceAsync(10_000);
    failures.push(undefined, quota(5));
    world.controller.enqueue('shop/web');
    await world.clock.advanceAsync(10_000);
    world.controller.enqueue('shop/web');
    await world.clock.advanceAsync(600_000);
    failures.push(quota(6));
    world.controller.enqueue('shop/web');
    await world.clock.advanceAsync(10_000);
    expect(lines.map((line) => /exceeded quota|spec: x/.exec(line)?.[0])).toEqual([
      'exceeded quota',
      'spec: x',
      'exceeded quota',
      'exceeded quota',
    ]);
    expect(lines.every((line) => line.startsWith('warn refused; the pass is retried later'))).toBe(true);
  });

  test('has a line with the stack for each bug', async () => {
    const { lines, logger } = listening();
    const { reconcile } = recording(() => world.clock, [new TypeError('x'), new TypeError('x')]);
    const world = controllerWith(reconcile, { logger });
    world.controller.enqueue('shop/web');
    await world.clock.advanceAsync(10_000);
    expect(lines).toEqual(['error reconcile failed: TypeError: x', 'error reconcile failed: TypeError: x']);
  });
});

test('endless passes of one namespace do not block other namespaces', async () => {
  const begun: string[] = [];
  const hanging = Promise.withResolvers<void>();
  const { controller } = controllerWith(async (key) => {
    begun.push(key);
    if (key.startsWith('tenant/')) await hanging.promise;
  });
  for (let at = 0; at < 60; at++) controller.enqueue(`tenant/${at}`);
  await settled();
  for (let at = 0; at < 3; at++) controller.enqueue(`neighbour/${at}`);
  await settled();
  expect(begun).toEqual(['tenant/0', 'tenant/1', 'neighbour/0', 'neighbour/1', 'neighbour/2']);
  hanging.resolve();
  await settled();
  expect(begun).toHaveLength(63);
});

test('however many namespaces hang, at most twice the concurrency is used', async () => {
  const hanging = Promise.withResolvers<void>();
  let running = 0;
  const { controller } = controllerWith(async () => {
    running++;
    await hanging.promise;
  });
  for (let at = 0; at < 60; at++) controller.enqueue(`tenant-${at}/a`);
  await settled();
  expect(running).toBe(4);
  hanging.resolve();
  await controller.stop();
});
