import type { Pod } from '@kuperator/api';
import { ApiError, ForbiddenError } from '@kuperator/runtime';
import { FakeClock } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aMember } from '../../test/builders.ts';
import {
  dueMs,
  isRefused,
  notedRefusal,
  noteOf,
  REFUSED_UPDATE_ANNOTATION,
  refusalAfter,
  sentenceOf,
} from '../plan/refusal.ts';
import { asksForMore, totalOf } from '../plan/resources.ts';
import { type Node, nodes } from './nodes.ts';
import { fitsInPlaceOf } from './quota.ts';

const spec = (cpu: string, more: object = {}): Pod['spec'] => ({
  containers: [{ name: 'app', image: 'a', resources: { requests: { cpu } } }],
  ...more,
});

describe('the total resources of a Pod', () => {
  const requests = (given: Pod['spec']) => Object.fromEntries(totalOf(given, 'requests'));
  test.each([
    { name: 'one container', given: spec('100m'), cpu: 100_000_000n },
    {
      name: 'a sidecar counts with it',
      given: spec('100m', {
        initContainers: [{ name: 's', image: 's', restartPolicy: 'Always', resources: { limits: { cpu: '1' } } }],
      }),
      cpu: 1_100_000_000n,
    },
    {
      name: 'an init container counts where it is larger',
      given: spec('100m', { initContainers: [{ name: 'i', image: 'i', resources: { requests: { cpu: '2' } } }] }),
      cpu: 2_000_000_000n,
    },
    {
      name: 'amounts of the whole Pod stand for those of its containers',
      given: spec('100m', { resources: { requests: { cpu: '3' } } }),
      cpu: 3_000_000_000n,
    },
  ])('$name', ({ given, cpu }) => {
    expect(requests(given)).toEqual({ cpu });
  });

  test('counts as more if any amount is more', () => {
    expect(asksForMore(spec('1'), spec('1000m'))).toBe(false);
    expect(asksForMore(spec('1'), spec('1001m'))).toBe(true);
    expect(asksForMore(spec('2'), spec('1'))).toBe(false);
  });
});

describe('a full quota', () => {
  const message = (requested: string, used: string, limited: string) =>
    `pods "x" is forbidden: exceeded quota: q, requested: ${requested}, used: ${used}, limited: ${limited}`;
  test.each([
    { text: message('requests.cpu=400m', 'requests.cpu=900m', 'requests.cpu=1'), fits: true },
    { text: message('requests.cpu=400m', 'requests.cpu=1', 'requests.cpu=1'), fits: false },
    { text: message('cpu=400m', 'cpu=900m', 'cpu=1'), fits: true },
    { text: message('limits.cpu=400m', 'limits.cpu=900m', 'limits.cpu=1'), fits: false },
    { text: message('pods=1', 'pods=3', 'pods=3'), fits: true },
    { text: message('pods=1,requests.cpu=1', 'pods=3,requests.cpu=1', 'pods=3,requests.cpu=1'), fits: false },
    { text: 'exceeded quota: q, but in other words', fits: false },
  ])('$text: room for a Pod that replaces one of 300m is $fits', ({ text, fits }) => {
    expect(fitsInPlaceOf(text, spec('300m'))).toBe(fits);
  });
});

describe('nodes', () => {
  const node = (cpu: string, more: Partial<Node['spec']> = {}, labels = {}): Node => ({
    metadata: { name: 'n', labels },
    spec: more,
    status: { allocatable: { cpu } },
  });
  const knowing = (...items: Node[]) =>
    nodes({
      client: { get: async () => items[0], list: async () => ({ metadata: {}, items }) } as never,
      clock: new FakeClock(),
    });
  const taint = { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] };

  test('report which resource is too small for a Pod', async () => {
    expect(await knowing(node('4')).shortage(spec('5'), 'n')).toBe('the Pod asks for 5 cpu, but node n has 4 in total');
    expect(await knowing(node('4')).shortage(spec('4'), 'n')).toBeUndefined();
  });

  test.each([
    { name: 'a larger one', items: [node('4'), node('8')], given: spec('5'), fits: true },
    { name: 'none large enough', items: [node('4')], given: spec('5'), fits: false },
    { name: 'cordoned', items: [node('8', { unschedulable: true })], given: spec('5'), fits: false },
    { name: 'tainted', items: [node('8', taint)], given: spec('5'), fits: false },
    {
      name: 'tainted, and tolerated',
      items: [node('8', taint)],
      given: spec('5', { tolerations: [{ key: 'gpu', value: 'yes' }] }),
      fits: true,
    },
    { name: 'not selected', items: [node('8')], given: spec('5', { nodeSelector: { disk: 'ssd' } }), fits: false },
    {
      name: 'selected',
      items: [node('8', {}, { disk: 'ssd' })],
      given: spec('5', { nodeSelector: { disk: 'ssd' } }),
      fits: true,
    },
    {
      name: 'with a required affinity nothing is known for sure',
      items: [node('8')],
      given: spec('5', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} } } }),
      fits: false,
    },
  ])('$name: fits is $fits', async ({ items, given, fits }) => {
    expect(await knowing(...items).fits(given)).toBe(fits);
  });

  test('report nothing if they may not be read', async () => {
    const forbidden = async () => {
      throw new ForbiddenError('no', { status: 403, reason: 'Forbidden' });
    };
    const unknown = nodes({ client: { get: forbidden, list: forbidden } as never, clock: new FakeClock() });
    expect([await unknown.shortage(spec('5'), 'n'), await unknown.fits(spec('5'))]).toEqual([undefined, undefined]);
  });
});

describe('refusals', () => {
  const first = { revision: 'web-2', reason: 'no', canRecreate: false, wasOut: true, atMs: 1_767_225_600_000 };

  test('are recorded on the Pod and can be read', () => {
    const refusal = refusalAfter(undefined, first);
    expect(notedRefusal(aMember({ id: 0, annotations: noteOf(refusal) }))).toEqual(refusal);
    expect(notedRefusal(aMember({ id: 0, annotations: { [REFUSED_UPDATE_ANNOTATION]: '{' } }))).toBeUndefined();
  });

  test('are retried after a growing delay, sooner if no Pod is out of service', () => {
    const waits = (wasOut: boolean) => {
      let refusal = refusalAfter(undefined, { ...first, wasOut });
      return Array.from({ length: 9 }, () => {
        const waitMs = dueMs(refusal) - refusal.atMs;
        refusal = refusalAfter(refusal, { ...first, wasOut });
        return waitMs / 1000;
      });
    };
    expect(waits(true)).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600]);
    expect(waits(false)).toEqual([5, 10, 20, 40, 60, 60, 60, 60, 60]);
  });

  test('start from zero for another revision', () => {
    const again = refusalAfter(refusalAfter(undefined, first), { ...first, revision: 'web-3' });
    expect(again.times).toBe(0);
  });

  test.each([
    [422, true],
    [403, true],
    [400, true],
    [413, true],
    [409, false],
    [429, false],
    [404, false],
    [500, false],
    [503, false],
  ])('an answer of %d is a refusal: %s', (status, refused) => {
    expect(isRefused(new ApiError('no', { status, reason: 'R' }))).toBe(refused);
  });

  test('are reported without the prefix that names the request', () => {
    const text = 'PATCH /api/v1/namespaces/a/pods/b?dryRun=All: 403 Forbidden: pods "b" is forbidden: no';
    expect(sentenceOf(new ForbiddenError(text, { status: 403, reason: 'Forbidden' }))).toBe(
      'pods "b" is forbidden: no',
    );
  });
});
