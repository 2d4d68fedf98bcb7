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
    { name: 'a namespace that is being deleted', error: ending('a') },
    { name: 'an API server that is unavailable', error: new ConnectionError('GET /: connect ECONNREFUSED') },
    { name: 'an error wrapped by a step', error: new Error('creating Pod a', { cause: quota }) },
    { name: 'several errors together', error: new AggregateError([quota, ending('a')]) },
  ])('without a stack: $name', ({ error }) => {
    expect(loggedError(error)).toEqual({ cause: expect.any(String) });
  });

  test.each([
    { name: 'a bug', error: new TypeError('x is undefined') },
    { name: 'a bug among refusals', error: new AggregateError([quota, new TypeError('x is undefined')]) },
    { name: 'a value that is not an error', error: 'x' },
  ])('with the stack: $name', ({ error }) => {
    expect(loggedError(error)).toEqual({ err: error });
  });
});

test('refusals that differ only in names are one line with a count', () => {
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
])('$error.message is due to a namespace that is being deleted: $is', ({ error, is }) => {
  expect(isOfEndingNamespace(error)).toBe(is);
});
