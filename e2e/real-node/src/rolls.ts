import { expect } from 'vitest';
import type { Application, ApplicationOptions } from './application.ts';
import { tagOf } from './images.ts';
import { expectNothingLost, type Measured, measure } from './operation.ts';
import type { Stage } from './stage.ts';

export const replicas = 4;

type Round = { application: Application; round: number };

/** The results of an operation, for assertions after its application is removed. */
type Outcome = { measured: Measured; uidsBefore: readonly string[]; uidsAfter: readonly string[] };

/**
 * Deploys an application of four Pods and runs `act` on it while requests go through its Service.
 * @throws AssertionError if a request was lost or a container was asked to stop too early
 */
export async function operate(
  on: Stage,
  { title, ...options }: Omit<ApplicationOptions, 'replicas'> & { readonly title: string },
  act: (round: Round) => Promise<void>,
): Promise<Outcome> {
  await using application = await on.deploy({ replicas, ...options });
  const uids = () => application.pods().map(({ metadata }) => metadata.uid ?? '');
  const uidsBefore = uids().toSorted();
  const measured = await measure(title, { cluster: on.cluster, application }, (round) => act({ application, round }));
  expectNothingLost(measured);
  return { measured, uidsBefore, uidsAfter: uids().toSorted() };
}

/** Rolls the image of this round, runs `during` in the middle of the roll, and asks each Pod which version really runs in it. */
export async function rollImage({ application, round }: Round, during?: () => Promise<void>): Promise<void> {
  const tag = tagOf(round);
  await application.update({ tag });
  await application.reached(tag, 2);
  await during?.();
  await application.serves();
  expect(await application.versions()).toEqual(Array.from({ length: replicas }, () => tag));
}
