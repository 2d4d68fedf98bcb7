import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CountedText,
  counted,
  countlessKey,
  foreignText,
  isSpelled,
  share,
  shortened,
  spelled,
} from './counted-text.ts';

const said = (out: number, of: number) => counted`rule web-1: ${share(out, of)} Pods are out, ${out} of them for 5m0s`;

describe('a text that knows its counts', () => {
  test('reads as it was written', () => {
    expect(spelled(said(3, 10))).toBe('rule web-1: 3/10 Pods are out, 3 of them for 5m0s');
  });

  test('is recognized in what was stored with other counts, and in nothing else', () => {
    expect(isSpelled(said(4, 11), spelled(said(3, 10)))).toBe(true);
    for (const other of [
      'rule web-2: 3/10 Pods are out, 3 of them for 5m0s',
      'rule web-1: 3/10 Pods are out, 3 of them for 9m0s',
      'rule web-1: 3/10 Pods are out, 3 of them for 5m0s.',
      'rule web-1: all Pods are out, 3 of them for 5m0s',
      '',
    ])
      expect(isSpelled(said(3, 10), other)).toBe(false);
  });

  test('is cut to a limit, and still recognized', () => {
    const cut = (out: number) => shortened(said(out, 10), 30, '…');
    expect(spelled(cut(3))).toBe('rule web-1: 3/10 Pods are out…'.slice(0, 29).concat('…'));
    expect(isSpelled(cut(4), spelled(cut(3)))).toBe(true);
    expect(shortened(said(3, 10), 100, '…')).toEqual(said(3, 10));
  });
});

describe('the words of another program', () => {
  test.each([
    { one: '3/10 nodes are available', other: '2/11 nodes are available', isSame: true },
    { one: 'container exited (code 1)', other: 'container exited (code 2)', isSame: true },
    { one: 'back-off 10s', other: 'back-off 20s', isSame: false },
    { one: 'image nginx:1 not found', other: 'image nginx:2 not found', isSame: false },
    { one: 'node n-1 is full', other: 'node n-2 is full', isSame: false },
    { one: 'since 2026-01-01T00:00:00Z', other: 'since 2026-01-01T00:00:01Z', isSame: false },
  ])('$one and $other say the same: $isSame', ({ one, other, isSame }) => {
    expect(countlessKey(foreignText(one)) === countlessKey(foreignText(other))).toBe(isSame);
    expect(isSpelled(foreignText(one), other)).toBe(isSame);
  });

  test('are spelled as they came', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const read: CountedText = foreignText(text);
        expect(spelled(read)).toBe(text);
        expect(isSpelled(read, text)).toBe(true);
      }),
    );
  });
});
