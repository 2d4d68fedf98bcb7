import { type CollaSet, PERSISTENT_VOLUME_CLAIMS, PODS } from '@kuperator/api';
import { AlreadyExistsError, ApiError, ForbiddenError, InvalidError } from '@kuperator/runtime';
import { claimFor, claimVolume } from '../claims/claims.ts';
import { dryRunNameFor } from '../ids/pod-name.ts';
import { podFor } from '../ids/pod-template.ts';
import type { ActionOf } from '../plan/action.ts';
import type { Revision } from '../revision/revision-data.ts';
import { type CompletionInput, completionOf } from './completion.ts';
import type { Deps } from './deps.ts';
import type { Pass } from './pass.ts';
import { SKIPPED, type Written } from './written.ts';

/** The result of the last dry run of a revision's template. */
export type Trial = {
  readonly revision: string;
  /** Why the API server refuses the template; undefined if it does not. */
  readonly refusal: string | undefined;
  /** The number of refusals in a row. */
  readonly refusals: number;
  /** When to try a refused template again, by the monotonic clock. Something that it lacks may exist by then. */
  readonly retryAtMs: number;
};

const RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;

/** Asks the API server by dry runs whether it accepts the revision. Stores the result in `memory.trial`. */
export async function tryUpdatedRevision(pass: Pass, { revision }: ActionOf<'tryRevision'>): Promise<Written> {
  const { deps, set, memory } = pass;
  memory.trial = await tryRevision(deps, { set, revision, known: memory.completions }, memory.trial);
  return SKIPPED;
}

/**
 * Creates the revision's Pod and claims in dry runs, so that no running Pod is deleted for a template that the API server refuses.
 * @throws errors that say nothing about the template, so that the caller must try again
 */
async function tryRevision(
  { client, clock }: Pick<Deps, 'client' | 'clock'>,
  input: CompletionInput,
  last: Trial | undefined,
): Promise<Trial> {
  const { set, revision } = input;
  const refusal = (await unknownFieldsRefusal(client, input)) ?? (await refusalOf(client, set, revision));
  const refusals = refusal === undefined ? 0 : (last?.revision === revision.name ? last.refusals : 0) + 1;
  const retryAtMs = clock.monotonic() + Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (refusals - 1));
  return { revision: revision.name, refusal, refusals, retryAtMs };
}

/**
 * Says which fields of the template the API server does not know; undefined if it knows all. It would create Pods without these fields. It
 * refuses such a Deployment itself, but the schema of a CollaSet must accept the fields of every Kubernetes version.
 */
export async function unknownFieldsRefusal(
  client: Deps['client'],
  input: CompletionInput,
): Promise<string | undefined> {
  const { unknownFields } = await completionOf(client, input);
  const { name } = input.revision;
  return unknownFields === undefined ? undefined : `the template of ${name} is refused: ${unknownFields}`;
}

async function refusalOf(client: Deps['client'], set: CollaSet, revision: Revision): Promise<string | undefined> {
  const claims = revision.claimTemplates.map((template) => {
    return { template, claim: claimFor(set, { id: 0, template, attempt: 0 }) };
  });
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

/**
 * True for errors that do not predict the real creation: a quota may be full only while the old Pods still exist, and not every webhook
 * supports dry runs.
 */
function saysNothing(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  if (error instanceof ForbiddenError) return error.message.includes('exceeded quota');
  return error.status === 400 && /dry.?run/i.test(error.message);
}

/** True if a creation failed because of the template, so that only its author can resolve the failure. */
export function refusesTemplate(error: unknown): boolean {
  if (!(error instanceof ApiError) || saysNothing(error)) return false;
  // A terminating namespace refuses every creation.
  return isAboutTemplate(error) && !/being terminated/.test(error.message);
}

function isAboutTemplate(error: ApiError): boolean {
  return error instanceof InvalidError || error instanceof ForbiddenError || error.status === 400;
}
