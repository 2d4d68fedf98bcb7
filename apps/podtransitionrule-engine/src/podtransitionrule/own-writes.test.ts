import type { PodTransitionRule } from '@kuperator/api';
import { beforeEach, describe, expect, test } from 'vitest';
import { aRule, NAMESPACE } from '../test/samples.ts';
import { type OwnWrites, ownWritesTo } from './own-writes.ts';

const KEY = `${NAMESPACE}/rule`;
const version = (resourceVersion: string): PodTransitionRule =>
  aRule([], { metadata: { ...aRule([]).metadata, resourceVersion } });

let observed: (string | undefined)[];
let foreign: string[];
let ownWrites: OwnWrites;

beforeEach(() => {
  observed = [];
  foreign = [];
  ownWrites = ownWritesTo({ observe: ({ metadata }) => observed.push(metadata.resourceVersion) }, (key) => {
    foreign.push(key);
  });
});

describe('a write of our own', () => {
  test('does not count as a change, and is read back at once', async () => {
    await ownWrites.making(KEY, async () => version('2'));
    expect(observed).toEqual(['2']);
    expect([ownWrites.isOwn(version('2')), ownWrites.isOwn(version('3'))]).toEqual([true, false]);
  });

  test('does not count as a change if the watch event arrives before the response', async () => {
    await ownWrites.making(KEY, async () => {
      expect(ownWrites.isOwn(version('2'))).toBe(true);
      return version('2');
    });
    expect(foreign).toEqual([]);
  });

  test('does not hide a change by another client at the same time', async () => {
    await ownWrites.making(KEY, async () => {
      ownWrites.isOwn(version('2'));
      ownWrites.isOwn(version('3'));
      return version('2');
    });
    expect(foreign).toEqual([KEY]);
  });

  test('hides no change if it fails', async () => {
    const failing = ownWrites.making(KEY, async () => {
      ownWrites.isOwn(version('2'));
      throw new Error('conflict');
    });
    await expect(failing).rejects.toThrow('conflict');
    expect(foreign).toEqual([KEY]);
    expect(ownWrites.isOwn(version('2'))).toBe(false);
  });
});
