import type { PodTransitionRule, PodTransitionRuleStatus, RuleDetail } from '@kuperator/api';
import { ServerError } from '@kuperator/runtime';
import { describe, expect, test } from 'vitest';
import { aRule, maxUnavailable, requiresLabel } from '../test/samples.ts';
import { isTooLarge, withinLimit } from './status-size.ts';

const rule = aRule([maxUnavailable(1), requiresLabel('ready')]);
const detail = (name: string, since: string, more: Partial<RuleDetail> = {}): RuleDetail => ({
  name,
  uid: `uid-${name}`,
  stage: 'PreCheck',
  operations: [{ id: 'op', since }],
  passed: false,
  rejectInfo: [{ ruleName: 'max', reason: 'rule max: blocked by max unavailable 1/9, currently unavailable 1/9' }],
  ...more,
});
const bytesOf = (stored: PodTransitionRule) => Buffer.byteLength(JSON.stringify(stored));
const namesIn = ({ details = [] }: PodTransitionRuleStatus) => details.map(({ name }) => name);

describe('a status that is too large', () => {
  const waiting = Array.from({ length: 40 }, (_, at) =>
    detail(`p${10 + at}`, String(2000 - at), { passedRules: ['labels'] }),
  );
  const status = {
    observedGeneration: 1,
    targets: waiting.map(({ name = '' }) => name),
    details: [
      ...waiting,
      detail('q-holds', '9999', { passedRules: ['max'] }),
      detail('z-passed', '9999', { passed: true }),
    ],
  };

  test('leaves out the Pods that have waited for the shortest time, but none that has passed or holds a slot', () => {
    const most = bytesOf({ ...rule, status }) - 5 * 200;
    const fitted = withinLimit(rule, status, most);
    expect(fitted.leftOut).toBeGreaterThanOrEqual(5);
    expect(bytesOf({ ...rule, status: fitted.status })).toBeLessThanOrEqual(most);
    expect(namesIn(fitted.status)).toEqual(namesIn(status).slice(fitted.leftOut));
    expect(fitted.status.targets).toEqual(status.targets);
  });

  test('keeps the Pods that an approver was asked about, because they would be asked about again', () => {
    const asked = {
      ...status,
      ruleStates: [{ name: 'ask', webhookStatus: { taskStates: [{ traceId: 't', processing: ['p10', 'p11'] }] } }],
    };
    const { status: fitted } = withinLimit(rule, asked, bytesOf({ ...rule, status: asked }) - 20 * 200);
    expect(namesIn(fitted).slice(0, 2)).toEqual(['p10', 'p11']);
    expect(namesIn(fitted)).not.toContain('p12');
  });

  test('keeps what it must contain even if that is too large: then the write fails and no Pod passes', () => {
    expect(namesIn(withinLimit(rule, status, 1).status)).toEqual(['q-holds', 'z-passed']);
  });
});

test('a status that fits is not changed, whatever the limit', () => {
  const status = { details: Array.from({ length: 100 }, (_, at) => detail(`p${at}`, String(at))) };
  const bytes = bytesOf({ ...rule, status });
  for (const most of [bytes + 1, 2 * bytes, 10 * bytes])
    expect(withinLimit(rule, status, most)).toEqual({ status, leftOut: 0 });
});

test.each([
  ['etcdserver: request is too large', true],
  ['rpc error: code = ResourceExhausted desc = trying to send message larger than max (3 vs. 2)', true],
  ['etcdserver: leader changed', false],
])('the error “%s” means that the object is too large: %s', (message, is) => {
  expect(isTooLarge(new ServerError(message, { status: 500 } as never))).toBe(is);
});
