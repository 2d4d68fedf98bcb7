import { describe, expect, test } from 'vitest';
import { ensureStream, streamConfigFor, streamUpdateFor } from './stream.ts';

const MINUTE_NS = 60_000_000_000;

test('a new stream stores our events on disk for a day and detects duplicates for two minutes', () => {
  expect(streamConfigFor({})).toMatchObject({
    name: 'KUPERATOR_EVENTS',
    subjects: ['kuperator.v1.>'],
    retention: 'limits',
    storage: 'file',
    discard: 'old',
    duplicate_window: 2 * MINUTE_NS,
    max_age: 24 * 60 * MINUTE_NS,
    num_replicas: 1,
  });
});

describe('an existing stream', () => {
  const current = streamConfigFor({ replicas: 3, maxAgeMs: 7 * 86_400_000 });

  test("is not changed where the settings are empty, so that operators do not undo each other's changes", () => {
    expect(streamUpdateFor(current, {})).toBeUndefined();
  });

  test('gets the values of the settings', () => {
    expect(streamUpdateFor(current, { replicas: 5 })).toEqual({ ...current, num_replicas: 5 });
  });

  test.each([
    { what: 'a short duplicate window', broken: { duplicate_window: MINUTE_NS } },
    { what: 'other subjects', broken: { subjects: ['x'] } },
    { what: 'discard new', broken: { discard: 'new' } },
  ])('is corrected if it has $what, because publishing depends on that', ({ broken }) => {
    expect(streamUpdateFor({ ...current, ...broken }, {})).toEqual(current);
  });

  test('keeps fields that we do not know', () => {
    expect(streamUpdateFor({ ...current, compression: 's2' }, { maxBytes: 5 })).toMatchObject({ compression: 's2' });
  });
});

describe('ensureStream', () => {
  const right = { config: streamConfigFor({}) };
  const wrong = { config: { ...right.config, discard: 'new' } };
  const none = { error: { code: 404, description: 'stream not found' } };
  const denied = new Error('permissions violation');

  test.each([
    { what: 'finds it', answers: [right], outcome: { usable: true, did: 'found' } },
    { what: 'creates it', answers: [none, right], outcome: { usable: true, did: 'created' } },
    { what: 'mends it', answers: [wrong, right], outcome: { usable: true, did: 'updated' } },
    {
      what: 'takes the stream another operator created meanwhile',
      answers: [none, { error: { code: 400, description: 'name already in use' } }, right],
      outcome: { usable: true, did: 'found' },
    },
    {
      what: 'says that it may not create it',
      answers: [none, denied, none],
      outcome: { usable: false, did: 'nothing', problem: 'creating stream KUPERATOR_EVENTS: permissions violation' },
    },
    {
      what: 'says that it may not even look',
      answers: [denied],
      outcome: { usable: false, did: 'nothing', problem: 'looking up stream KUPERATOR_EVENTS: permissions violation' },
    },
    {
      what: 'uses what it may not mend',
      answers: [wrong, denied],
      outcome: { usable: true, did: 'found', problem: 'updating stream KUPERATOR_EVENTS: permissions violation' },
    },
  ])('$what', async ({ answers, outcome }) => {
    const left: (Error | object)[] = [...answers];
    const request = async () => {
      const answer = left.shift();
      if (!answer || answer instanceof Error) throw answer ?? new Error('asked too often');
      return answer;
    };
    expect(await ensureStream(request, {})).toEqual(outcome);
    expect(left).toEqual([]);
  });

  test.each([
    null,
    'stream',
    7,
    [],
    {},
    { config: {} },
    { config: null },
    { config: { ...right.config, subjects: null } },
    { config: { ...right.config, subjects: [null] } },
    { config: { ...right.config, duplicate_window: 'long' } },
    { error: null },
    { error: 'no' },
    { error: { code: '404' } },
  ])('works without a stream if the answer is %j', async (answer) => {
    expect(await ensureStream(async () => answer, {})).toEqual({
      usable: false,
      did: 'nothing',
      problem: expect.stringContaining("looking up stream KUPERATOR_EVENTS: an answer that is not JetStream's: /"),
    });
  });
});
