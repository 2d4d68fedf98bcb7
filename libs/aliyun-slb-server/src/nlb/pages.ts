import type { Parameters } from '../api/parameters.ts';

/** One page of `all`, as `MaxResults` and `NextToken` of a list call want it. The token is the number of items before the page. */
export function pageOf<T>(all: readonly T[], parameters: Parameters) {
  const size = parameters.integer('MaxResults', { min: 1, max: 100, absent: 20 });
  const start = parameters.integer('NextToken', { min: 0, max: all.length, absent: 0 });
  const end = start + size;
  return {
    items: all.slice(start, end),
    TotalCount: all.length,
    MaxResults: size,
    ...(end < all.length ? { NextToken: `${end}` } : {}),
  };
}
