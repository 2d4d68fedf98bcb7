import { permissionLabel, stageLabel } from '@kuperator/api';
import { expect, test } from 'vitest';
import { brokenLabelRules, forgedLabel } from './index.ts';

const on = (...keys: string[]) => Object.fromEntries(keys.map((key) => [key, '1']));

test.each([
  {
    name: 'a lifecycle label without an id',
    labels: on('operate.podopslifecycle.kusionstack.io'),
    refusal: 'invalid label operate.podopslifecycle.kusionstack.io: allowed is',
  },
  {
    name: 'operated without the type of the finished operation',
    labels: on(stageLabel('operated', 'a')),
    refusal: 'not found label done-operation-type.podopslifecycle.kusionstack.io/a: ',
  },
  {
    name: 'the finished type of another id',
    labels: on(
      stageLabel('operated', 'a'),
      stageLabel('done-operation-type', 'a'),
      stageLabel('done-operation-type', 'b'),
    ),
    refusal: 'not found label operated.podopslifecycle.kusionstack.io/b: ',
  },
  {
    name: 'pre-checked without any permission',
    labels: on(stageLabel('pre-checked', 'a')),
    refusal: 'not found the expected label prefixes: map[operation-permission.podopslifecycle.kusionstack.io:{}]',
  },
  {
    name: 'a permission without a check',
    labels: on(permissionLabel('update')),
    refusal: 'not found the expected label prefixes: map[pre-checked.podopslifecycle.kusionstack.io:{}]',
  },
  {
    name: 'operate of an operation that has passed no check',
    labels: on(stageLabel('operating', 'a'), stageLabel('operate', 'a')),
    refusal: 'not found label pre-checked.podopslifecycle.kusionstack.io/a: ',
  },
])('refuses $name', ({ labels, refusal }) => {
  expect(brokenLabelRules(labels)).toEqual([
    expect.stringContaining(`failed to validate PodOpsLifecycleWebhook, ${refusal}`),
  ]);
});

test.each([
  { name: 'no lifecycle at all', labels: on('app') },
  { name: 'operating without a type', labels: on(stageLabel('operating', 'a')) },
  { name: 'operate without an operation', labels: on(stageLabel('operate', 'a')) },
  {
    name: 'a permission for a type other than the checked one',
    labels: on(stageLabel('pre-checked', 'a'), permissionLabel('other')),
  },
])('accepts $name, as the Go implementation does', ({ labels }) => {
  expect(brokenLabelRules(labels)).toEqual([]);
});

test('a new Pod may ask for an operation, but may not have labels that are granted later (D17)', () => {
  expect(forgedLabel(on(stageLabel('operating', 'a'), stageLabel('operation-type', 'a')))).toBeUndefined();
  expect(forgedLabel(on(stageLabel('operating', 'a'), stageLabel('operate', 'a')))).toBe(stageLabel('operate', 'a'));
  expect(forgedLabel(on(permissionLabel('update')))).toBe(permissionLabel('update'));
});
