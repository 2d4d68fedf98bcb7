import { describe, expect, test } from 'vitest';
import { limitsOf } from './limits.ts';

const f = (coeff: string, pow: string) => ({ expFunc: { coeff, pow } });

describe('limits of a policy', () => {
  test.each([
    { policy: { maxUnavailableValue: '50%' }, total: 4, max: 2, min: 0 },
    { policy: { maxUnavailableValue: '30%' }, total: 5, max: 2, min: 0 },
    { policy: { maxUnavailableValue: '1%' }, total: 1, max: 1, min: 0 },
    { policy: { maxUnavailableValue: '0%' }, total: 1, max: 0, min: 0 },
    { policy: { maxUnavailableValue: '150%' }, total: 4, max: 6, min: 0 },
    { policy: { maxUnavailableValue: 0 }, total: 3, max: 0, min: 0 },
    { policy: { maxUnavailableValue: -1 }, total: 3, max: -1, min: 0 },
    { policy: { minAvailableValue: '75%' }, total: 10, max: 10, min: 7 },
    { policy: { maxUnavailableValue: 5, minAvailableValue: 8 }, total: 10, max: 5, min: 8 },
  ])('$policy of $total Pods: at most $max unavailable, at least $min available', ({ policy, total, max, min }) => {
    expect(limitsOf(policy, total)).toEqual({ maxUnavailable: max, minAvailable: min });
  });

  test.each([
    { policy: { maxUnavailableValue: '3' }, problem: 'maxUnavailableValue "3" is neither a whole number' },
    { policy: { maxUnavailableValue: '12.5%' }, problem: 'maxUnavailableValue "12.5%" is neither a whole number' },
    { policy: { minAvailableValue: 'many' }, problem: 'minAvailableValue "many" is neither a whole number' },
    { policy: {}, problem: 'sets neither maxUnavailable nor minAvailable' },
    { policy: { maxUnavailablePolicy: {} }, problem: 'sets neither maxUnavailable nor minAvailable' },
    { policy: { maxUnavailablePolicy: f('', '') }, problem: 'sets neither maxUnavailable nor minAvailable' },
    { policy: { maxUnavailablePolicy: f('1', '') }, problem: 'maxUnavailablePolicy.expFunc.pow "" is not a decimal' },
    {
      policy: { minAvailablePolicy: f('1e3', '1') },
      problem: 'minAvailablePolicy.expFunc.coeff "1e3" is not a decimal',
    },
    { policy: { maxUnavailableValue: 1, minAvailablePolicy: f('x', '1') }, problem: 'expFunc.coeff "x"' },
  ])('$policy must be corrected by the user', ({ policy, problem }) => {
    expect(limitsOf(policy, 10)).toEqual({ problem: expect.stringContaining(problem) });
  });
});

describe('an adaptive limit coeff * T ^ pow', () => {
  test.each([
    { name: 'square root, rounded up', max: f('1', '0.5'), total: 10, limit: 4 },
    { name: 'square root of a square', max: f('1', '0.5'), total: 16, limit: 4 },
    { name: 'a tenth that is whole except for the binary rounding', max: f('0.1', '1'), total: 30, limit: 3 },
    { name: 'a constant', max: f('3', '0'), total: 100, limit: 3 },
    { name: 'a constant beyond all Pods', max: f('3', '0'), total: 2, limit: 2 },
    { name: 'a negative coefficient', max: f('-1', '1'), total: 5, limit: 0 },
    { name: 'a negative power', max: f('10', '-1'), total: 4, limit: 3 },
    { name: 'a negative power of no Pods', max: f('1', '-1'), total: 0, limit: 0 },
    { name: 'nothing times infinity', max: f('0', '-1'), total: 0, limit: 0 },
    { name: 'more than a number can hold', max: f('1', '999'), total: 1000, limit: 1000 },
    {
      name: 'decimals with a sign, or without digits before or after the point',
      max: f('+.5', '1.'),
      total: 5,
      limit: 3,
    },
  ])('$name: $limit of $total', ({ max, total, limit }) => {
    expect(limitsOf({ maxUnavailablePolicy: max }, total)).toEqual({ maxUnavailable: limit, minAvailable: 0 });
  });

  test('of available Pods is rounded down', () => {
    expect(limitsOf({ minAvailablePolicy: f('2', '0.5') }, 10)).toEqual({ maxUnavailable: 10, minAvailable: 6 });
  });

  test.each([
    { value: 3, stricter: 3 },
    { value: 5, stricter: 4 },
    { value: '10%', stricter: 1 },
  ])('with maxUnavailableValue $value, the stricter limit applies: $stricter', ({ value, stricter }) => {
    const policy = { maxUnavailableValue: value, maxUnavailablePolicy: f('1', '0.5') };
    expect(limitsOf(policy, 10)).toMatchObject({ maxUnavailable: stricter });
  });

  test('with minAvailableValue, the stricter limit applies as well', () => {
    const both = (value: number) => ({ minAvailableValue: value, minAvailablePolicy: f('2', '0.5') });
    expect(limitsOf(both(3), 10)).toMatchObject({ minAvailable: 6 });
    expect(limitsOf(both(8), 10)).toMatchObject({ minAvailable: 8 });
  });

  test('does not exist without an expFunc', () => {
    expect(limitsOf({ maxUnavailableValue: 3, maxUnavailablePolicy: {} }, 10)).toMatchObject({ maxUnavailable: 3 });
    expect(limitsOf({ maxUnavailableValue: 3, maxUnavailablePolicy: f('', '') }, 10)).toMatchObject({
      maxUnavailable: 3,
    });
  });
});
