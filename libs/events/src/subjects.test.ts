import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSubject, subjectFilterFor, subjectFor } from './subjects.ts';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);
const subdomain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const event = fc
  .array(fc.stringMatching(/^[a-z-]{1,8}$/), { minLength: 1, maxLength: 3 })
  .map((words) => words.join('.'));

describe('subjectFor', () => {
  test('can be parsed, whatever Kubernetes names it contains', () => {
    const parts = fc.record({ cluster: subdomain, namespace: label, kind: label, name: subdomain, event });
    fc.assert(
      fc.property(parts, (given) => {
        expect(parseSubject(subjectFor(given))).toEqual(given);
      }),
    );
  });

  test('gives different names different subjects', () => {
    const of = (name: string) => subjectFor({ cluster: 'c', namespace: 'n', kind: 'pod', name, event: 'e' });
    fc.assert(fc.property(subdomain, subdomain, (a, b) => (of(a) === of(b)) === (a === b)));
  });

  test('writes the dots of a name as underscores and keeps the dots of the event', () => {
    const parts = { cluster: 'eu.1', namespace: 'shop', kind: 'pod', name: 'web-0.db', event: 'operation.permitted' };
    expect(subjectFor(parts)).toBe('kuperator.v1.eu_1.shop.pod.web-0_db.operation.permitted');
  });

  test.each(['', 'a_b', 'a b', '*', '>', 'a.', '.a', 'a\r\nPUB x 0', 'ä'])('refuses %j as a name', (name) => {
    expect(() => subjectFor({ cluster: 'c', namespace: 'n', kind: 'pod', name, event: 'e' })).toThrow(RangeError);
  });
});

test.each([
  'orders.v1.c.n.pod.x.e',
  'kuperator.v2.c.n.pod.x.e',
  'kuperator.v1.c.n.pod.x',
  'kuperator.v1.c.n.pod.x.',
  'kuperator.v1.c..pod.x.e',
  '',
])('%j is not one of our subjects', (subject) => {
  expect(parseSubject(subject)).toBeUndefined();
});

test.each([
  { filter: {}, subject: 'kuperator.v1.c.*.*.*.>' },
  { filter: { kind: 'pod' }, subject: 'kuperator.v1.c.*.pod.*.>' },
  { filter: { kind: 'pod', event: 'operation.*' }, subject: 'kuperator.v1.c.*.pod.*.operation.*' },
  { filter: { event: 'traffic.>', namespace: '*' }, subject: 'kuperator.v1.c.*.*.*.traffic.>' },
  { filter: { namespace: 'shop', name: 'a.b', event: 'settled' }, subject: 'kuperator.v1.c.shop.*.a_b.settled' },
])('$filter matches $subject', ({ filter, subject }) => {
  expect(subjectFilterFor('c', filter)).toBe(subject);
});

test.each([{ event: '>.a' }, { event: 'a b' }, { name: 'a>' }])('refuses the filter %o', (filter) => {
  expect(() => subjectFilterFor('c', filter)).toThrow(RangeError);
});
