import { type CollaSet, PERSISTENT_VOLUME_CLAIMS, PODS } from '@kuperator/api';
import { AlreadyExistsError, ApiError, ForbiddenError, InvalidError } from '@kuperator/runtime';
import { claimFor, claimVolume } from '../claims/claims.ts';
import { dryRunNameFor } from '../ids/pod-name.ts';
import { podFor } from '../ids/pod-template.ts';
import type { ActionOf } from '../plan/action.ts';
import type { Revision } from '../revision/revision-data.ts';
import { type Completions, completionOf } from './completion.ts';
import type { Deps } from './deps.ts';
import type { ActMemory } from './memory.ts';
import type { Pass } from './pass.ts';
import { SKIPPED, type Written } from './written.ts';

/** The last try of a revision's template. */
export type Trial = {
  readonly revision: string;
  /** What the API server has against it; undefined when nothing. */
  readonly refusal: string | undefined;
  readonly refusals: number;
  /** A refused one is tried again then, by the monotonic clock: what was missing may be there. */
  readonly retryAtMs: number;
};

const RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;

/** Finds out whether the API server accepts the revision; its refusal is then in `memory.trial`. */
export async function tryUpdatedRevision(pass: Pass, { revision }: ActionOf<'tryRevision'>): Promise<Written> {
  const { deps, set, memory } = pass;
  memory.trial = await tryRevision(deps, set, revision, memory);
  return SKIPPED;
}

/**
 * Asks the API server what it would say to the revision's Pod and claims, so that a template it refuses costs no running Pod.
 * @throws whatever says nothing about the template: the try is to be repeated
 */
async function tryRevision(
  { client, clock }: Pick<Deps, 'client' | 'clock'>,
  set: CollaSet,
  revision: Revision,
  { trial: last, completions }: Pick<ActMemory, 'trial' | 'completions'>,
): Promise<Trial> {
  const refusal =
    (await unknownFieldsRefusal(client, set, revision, completions)) ?? (await refusalOf(client, set, revision));
  const refusals = refusal === undefined ? 0 : (last?.revision === revision.name ? last.refusals : 0) + 1;
  const retryAtMs = clock.monotonic() + Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (refusals - 1));
  return { revision: revision.name, refusal, refusals, retryAtMs };
}

/**
 * Why the API server does not know what a template says, undefined when it does: it would make Pods without that. Deployments are
 * refused at once for it; a CollaSet's template is open to fields of every Kubernetes version.
 */
export async function unknownFieldsRefusal(
  client: Deps['client'],
  set: CollaSet,
  revision: Revision,
  known: Completions,
): Promise<string | undefined> {
  const { unknownFields } = await completionOf(client, set, revision, known);
  return unknownFields === undefined ? undefined : `the template of ${revision.name} is refused: ${unknownFields}`;
}

async function refusalOf(client: Deps['client'], set: CollaSet, revision: Revision): Promise<string | undefined> {
  const claims = revision.claimTemplates.map((template) => ({ template, claim: claimFor(set, 0, template, 0) }));
  const volumes = claims.map(({ template, claim }) => claimVolume(template, claim));
  const pod = podFor(set, { id: 0, name: dryRunNameFor(set), revision, isNew: true, volumes, nanos: '0' });
  try {
    for (const { claim } of claims)
      await tryCreate(() => client.create(PERSISTENT_VOLUME_CLAIMS, claim, { dryRun: true, strict: true }));
    await tryCreate(() => client.create(PODS, pod, { dryRun: true, strict: true }));
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError) || !isAboutTemplate(error)) throw error;
    return `the template of ${revision.name} is refused: ${error.message}`;
  }
}

async function tryCreate(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!(error instanceof AlreadyExistsError) && !saysNothing(error)) throw error;
  }
}

/** Answers the real creation may not get: a quota is full while the Pods to be replaced are still there; not all webhooks can be tried. */
function saysNothing(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  if (error instanceof ForbiddenError) return error.message.includes('exceeded quota');
  return error.status === 400 && /dry.?run/i.test(error.message);
}

/** True when a creation failed because of what the template says, so that only its author can mend it. */
export function refusesTemplate(error: unknown): boolean {
  if (!(error instanceof ApiError) || saysNothing(error)) return false;
  // A namespace on its way out refuses everything.
  return isAboutTemplate(error) && !/being terminated/.test(error.message);
}

function isAboutTemplate(error: ApiError): boolean {
  return error instanceof InvalidError || error instanceof ForbiddenError || error.status === 400;
}
