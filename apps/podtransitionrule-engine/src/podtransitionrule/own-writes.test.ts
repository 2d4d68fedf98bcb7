import type { PodTransitionRule } from '@kuperator/api';
import type { KubeClient } from '@kuperator/runtime';
import { beforeEach, describe, expect, test } from 'vitest';
import { aRule, NAMESPACE } from '../test/samples.ts';
import { type OwnWrites, ownWritesTo } from './own-writes.ts';

const KEY = `${NAMESPACE}/rule`;
const version = (resourceVersion: string): PodTransitionRule =>
  aRule([], { metadata: { ...aRule([]).metadata, resourceVersion } });

let observed: (string | undefined)[];
let foreign: string[];
let ownWrites: OwnWrites;
/** What happens while a write is under way, and the answer to it. */
let answer: () => Promise<PodTransitionRule>;

beforeEach(() => {
  observed = [];
  foreign = [];
  const rules = {
    observe: ({ metadata }: PodTransitionRule) => observed.push(metadata.resourceVersion),
    observeGone: (key: string) => observed.push(`gone ${key}`),
  };
  const client = { patch: () => answer(), delete: async () => undefined } as unknown as KubeClient;
  ownWrites = ownWritesTo({ client, rules }, (key) => {
    foreign.push(key);
  });
});

function write(given: () => Promise<PodTransitionRule>) {
  answer = given;
  return ownWrites.patch(version('1'), { body: {} });
}

describe('a write of our own', () => {
  test('does not count as a change, and is read back at once', async () => {
    await write(async () => version('2'));
    expect(observed).toEqual(['2']);
    expect([ownWrites.isOwn(version('2')), ownWrites.isOwn(version('3'))]).toEqual([true, false]);
  });

  test('does not count as a change if the watch event arrives before the response', async () => {
    await write(async () => {
      expect(ownWrites.isOwn(version('2'))).toBe(true);
      return version('2');
    });
    expect(foreign).toEqual([]);
  });

  test('does not hide a change by another client at the same time', async () => {
    await write(async () => {
      ownWrites.isOwn(version('2'));
      ownWrites.isOwn(version('3'));
      return version('2');
    });
    expect(foreign).toEqual([KEY]);
  });

  test('hides no change if it fails', async () => {
    const failing = write(async () => {
      ownWrites.isOwn(version('2'));
      throw new Error('conflict');
    });
    await expect(failing).rejects.toThrow('conflict');
    expect(foreign).toEqual([KEY]);
    expect(ownWrites.isOwn(version('2'))).toBe(false);
  });

  test('that takes the last finalizer off a terminating rule removes the rule from the cache', async () => {
    const metadata = { ...version('2').metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [] };
    await write(async () => ({ ...version('2'), metadata }));
    expect(observed).toEqual([`gone ${KEY}`]);
  });
});
