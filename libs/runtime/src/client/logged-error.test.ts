import { describe, expect, test } from 'vitest';
import { apiErrorFor, ConnectionError } from './errors.ts';
import { isOfEndingNamespace, loggedError, refusalIn } from './logged-error.ts';

const POST = 'POST /api/v1/namespaces/shop/pods';
const ending = (name: string) => {
  const causes = [{ reason: 'NamespaceTerminating', message: 'namespace shop is being terminated' }];
  const text = `pods "${name}" is forbidden: unable to create new content in namespace shop because it is being terminated`;
  return apiErrorFor(POST, { status: 403, reason: 'Forbidden', details: { causes } }, text);
};
const gone = apiErrorFor(POST, { status: 404, reason: 'NotFound' }, 'namespaces "shop" not found');
const quota = apiErrorFor(POST, { status: 403, reason: 'Forbidden' }, 'pods "a" is forbidden: exceeded quota: q');

describe('a failure is logged', () => {
  test.each([
    { name: 'a quota', error: quota },
    { name: 'a namespace that ends', error: ending('a') },
    { name: 'an API server that is away', error: new ConnectionError('GET /: connect ECONNREFUSED') },
    { name: 'what a step wrapped', error: new Error('creating Pod a', { cause: quota }) },
    { name: 'several together', error: new AggregateError([quota, ending('a')]) },
  ])('without a stack: $name', ({ error }) => {
    expect(loggedError(error)).toEqual({ cause: expect.any(String) });
  });

  test.each([
    { name: 'a mistake of ours', error: new TypeError('x is undefined') },
    { name: 'one among refusals', error: new AggregateError([quota, new TypeError('x is undefined')]) },
    { name: 'what is no error', error: 'x' },
  ])('with all that is known: $name', ({ error }) => {
    expect(loggedError(error)).toEqual({ err: error });
  });
});

test('refusals that differ in names are one, and counted', () => {
  const text = refusalIn(new AggregateError([ending('a'), ending('b'), ending('c'), quota]));
  expect(text).toMatch(/pods "a" is forbidden: unable to create.*\(and 2 alike\); .*exceeded quota: q$/);
});

test.each([
  { error: ending('a'), is: true },
  { error: gone, is: true },
  { error: new AggregateError([ending('a'), gone]), is: true },
  { error: quota, is: false },
  { error: new AggregateError([ending('a'), quota]), is: false },
  { error: new TypeError('x'), is: false },
])('$error.message is of a namespace that ends: $is', ({ error, is }) => {
  expect(isOfEndingNamespace(error)).toBe(is);
});
