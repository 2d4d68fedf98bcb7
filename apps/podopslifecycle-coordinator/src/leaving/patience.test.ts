import { describe, expect, test } from 'vitest';
import { deletionHoldMs, evictionHoldMs, isProgram, isScheduler, retryAfterSeconds } from './patience.ts';

test.each([
  { user: 'jane', is: false },
  { user: 'kubernetes-admin', is: false },
  { user: 'system:admin', is: false },
  { user: 'system:kube-controller-manager', is: true },
  { user: 'system:kube-scheduler', is: true },
  { user: 'system:serviceaccount:kube-system:replicaset-controller', is: true },
  { user: 'system:serviceaccount:argocd:argocd-application-controller', is: true },
])('$user is a program: $is', ({ user, is }) => {
  expect(isProgram(user)).toBe(is);
});

test.each([
  { user: 'system:kube-scheduler', is: true },
  { user: 'system:serviceaccount:kube-system:second-scheduler', is: true },
  { user: 'system:serviceaccount:volcano-system:volcano-scheduler', is: true },
  { user: 'system:serviceaccount:kube-system:replicaset-controller', is: false },
  { user: 'system:serviceaccount:shop:rescheduler', is: false },
  { user: 'scheduler-admin', is: false },
])('$user is a scheduler: $is', ({ user, is }) => {
  expect(isScheduler(user)).toBe(is);
});

describe('a deletion', () => {
  const waited = { waitedMs: 0, holdMs: 5000, othersWait: false };

  test.each([
    { name: 'is held while its operation is young', user: 'jane', given: {}, ms: 5000 },
    { name: 'is held for the rest of that time', user: 'jane', given: { waitedMs: 2000 }, ms: 3000 },
    { name: 'is not held again in later attempts', user: 'jane', given: { waitedMs: 5000 }, ms: 0 },
    { name: 'is held for a moment if other Pods wait in vain', user: 'jane', given: { othersWait: true }, ms: 1000 },
    { name: 'is never held for a program', user: 'system:kube-scheduler', given: {}, ms: 0 },
  ])('$name', ({ user, given, ms }) => {
    expect(deletionHoldMs(user, { ...waited, ...given })).toBe(ms);
  });

  test.each([
    { user: 'jane', waitedMs: 0, seconds: 1 },
    { user: 'jane', waitedMs: 2500, seconds: 2 },
    { user: 'jane', waitedMs: 18_000, seconds: 9 },
    { user: 'jane', waitedMs: 40_000, seconds: 10 },
    { user: 'jane', waitedMs: 58_000, seconds: 2 },
    { user: 'jane', waitedMs: 60_000, seconds: undefined },
    { user: 'system:serviceaccount:kube-system:replicaset-controller', waitedMs: 0, seconds: undefined },
  ])('of $user after $waitedMs ms is repeated in $seconds s', ({ user, waitedMs, seconds }) => {
    expect(retryAfterSeconds(user, waitedMs)).toBe(seconds);
  });

  test.each([
    { heldMs: 0 },
    { heldMs: 5000 },
  ])('makes a person wait for about a minute when requests are held for $heldMs ms', ({ heldMs }) => {
    let waitedMs = heldMs;
    for (let retries = 0; retries < 10; retries++) waitedMs += (retryAfterSeconds('jane', waitedMs) ?? 0) * 1000;
    expect(waitedMs).toBeGreaterThan(40_000);
    expect(waitedMs).toBeLessThanOrEqual(60_000);
  });
});

test.each([
  { name: 'holds the first request', given: {}, ms: 5000 },
  { name: 'does not hold a repeated request that waits for a budget', given: { isRepeated: true }, ms: 0 },
  { name: 'holds a request while the drain is young', given: { isRepeated: true, drainedMs: 1000 }, ms: 4000 },
  { name: 'does not hold a request when the drain is old', given: { isRepeated: true, drainedMs: 60_000 }, ms: 0 },
])('an eviction: $name', ({ given, ms }) => {
  const waited = { isRepeated: false, drainedMs: undefined, holdMs: 5000, ...given };
  expect(evictionHoldMs('jane', waited)).toBe(ms);
  expect(evictionHoldMs('system:serviceaccount:kube-system:cluster-autoscaler', waited)).toBe(0);
});
