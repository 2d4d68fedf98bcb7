import { expect, test } from 'vitest';
import { compileLabelSelector } from './label-selector.ts';

test.each([
  { selector: '', labels: undefined, matches: true },
  { selector: 'a=b', labels: { a: 'b' }, matches: true },
  { selector: 'a==b', labels: { a: 'c' }, matches: false },
  { selector: 'a!=b', labels: {}, matches: true },
  { selector: 'a!=b', labels: { a: 'b' }, matches: false },
  {
    selector: 'kusionstack.io/control=true,app in (x, y)',
    labels: { 'kusionstack.io/control': 'true', app: 'y' },
    matches: true,
  },
  { selector: 'app in (x,y),!gone', labels: { app: 'y', gone: '' }, matches: false },
  { selector: 'app notin (x,y)', labels: {}, matches: true },
  { selector: 'app notin (x,y)', labels: { app: 'x' }, matches: false },
  { selector: 'a', labels: { a: '' }, matches: true },
  { selector: 'a', labels: {}, matches: false },
  { selector: 'a=', labels: { a: '' }, matches: true },
])('"$selector" on $labels: $matches', ({ selector, labels, matches }) => {
  expect(compileLabelSelector(selector)(labels as Record<string, string> | undefined)).toBe(matches);
});

test('refuses what it cannot read', () => {
  expect(() => compileLabelSelector('a b c')).toThrow('"a b c" cannot be read');
});
