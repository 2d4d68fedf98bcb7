import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PODS, type Pod, type Service } from '@kuperator/api';
import type { AdapterPass, Backend } from '@kuperator/resourceconsist';
import { createLogger } from '@kuperator/runtime';
import { httpRegistryAdapter } from './adapter.ts';
import type { Member } from './registry.ts';

const service: Service = { metadata: { namespace: 'shop', name: 'web' }, spec: { selector: { app: 'web' } } };

function aPod(name: string, { ready = true }: { ready?: boolean } = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: PODS.kind,
    metadata: { namespace: 'shop', name, uid: `uid-of-${name}` },
    spec: { containers: [] },
    status: { podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

function aMember(name: string, state: Member['state'] = 'serving'): Member {
  return { id: `uid-of-${name}`, podName: name, address: '10.0.0.1', state };
}

/** The adapter's half that the framework calls, on a registry that only notes the calls. */
function setUp() {
  const calls: string[] = [];
  const rechecks: number[] = [];
  const adapter = httpRegistryAdapter({
    members: async () => [],
    register: async (path, { id }) => {
      calls.push(`register ${path} ${id}`);
    },
    drain: async (path, id) => {
      calls.push(`drain ${path} ${id}`);
    },
  });
  const pass: AdapterPass = {
    logger: createLogger({ app: 'test', level: 'silent' }),
    signal: new AbortController().signal,
    recheckAfter: (ms) => rechecks.push(ms),
    warn: () => {},
  };
  const { employees } = adapter.traffic as Backend<Service>;
  return { employees, pass, calls, rechecks };
}

test('only Pods that are ready are expected in the registry', async () => {
  const { employees, pass } = setUp();
  const expected = await employees.expected(service, [aPod('a'), aPod('b', { ready: false })], pass);
  assert.deepEqual(expected, [aMember('a')]);
});

test('a member that is not expected is drained, and is not reported as gone', async () => {
  const { employees, pass, calls, rechecks } = setUp();
  const outcome = await employees.delete(service, [aMember('a')], pass);
  assert.deepEqual(calls, ['drain shop/web uid-of-a']);
  assert.deepEqual(outcome, { succeeded: [] });
  assert.deepEqual(rechecks, [500]);
});

test('a member that drains already is only waited for', async () => {
  const { employees, pass, calls, rechecks } = setUp();
  await employees.delete(service, [aMember('a', 'draining')], pass);
  assert.deepEqual(calls, []);
  assert.deepEqual(rechecks, [500]);
});

test('a Pod that is ready again is registered again', async () => {
  const { employees, pass, calls } = setUp();
  assert.equal(await employees.update(service, [aMember('a')], pass), undefined);
  assert.deepEqual(calls, ['register shop/web uid-of-a']);
});
