// Collects the input of a pass: the caches, and a few facts that only the API server knows.
import { type CollaSet, keyOf, type PersistentVolumeClaim } from '@kuperator/api';
import { classesToAsk } from '../claims/claim-adoption.ts';
import { classesOf, expandableTemplates } from '../claims/claim-growth.ts';
import { revisionNameOf } from '../ids/members.ts';
import type { Due, Observed, ObservedClaims, ObservedRevision } from '../plan/observed.ts';
import type { UpdateFacts } from '../plan/update.ts';
import { adoptableRevisions } from '../revision/orphans.ts';
import { planRevision } from '../revision/revision.ts';
import { parseRevision, type Revision } from '../revision/revision-data.ts';
import { contextOf } from './context-writes.ts';
import { type Deps, ORPHAN_MOUNTS, UNOWNED } from './deps.ts';
import { knowledgeOf, lookAt } from './memory.ts';
import { mountedClaims } from './moves.ts';
import type { Pass } from './pass.ts';
import { newestIfAlike } from './revision-writes.ts';

const NONE: ReadonlySet<string> = new Set();

/** Collects the input of the pass. The facts about updates are collected only if the template has a stored revision. */
export async function observe(pass: Pass): Promise<Observed> {
  const { deps, set, memory } = pass;
  const { clock, pods, settings } = deps;
  const { namespace } = set.metadata;
  const revision = await observeRevision(pass);
  const { updated } = revision;
  const podNamed = (name: string) => pods.get(`${namespace}/${name}`);
  return {
    set,
    owned: pass.owned(),
    context: contextOf(deps, set),
    revision,
    claims: await observeClaims(pass, updated),
    podNamed,
    isNameTaken: (name) => memory.takenNames.has(name) || podNamed(name) !== undefined,
    refused: memory.refused,
    facts: updated ? await updateFacts(pass, updated) : NO_FACTS,
    nowMs: clock.now(),
    nanos: clock.nanos(),
    due: dueOf(pass),
    maxWrites: settings.maxWrites,
    reclaimsNames: settings.reclaimScaleStrategy && isCurrent(deps, set),
  };
}

/** False if the user has changed the set since the pass started. The next pass acts on the change. */
function isCurrent({ sets }: Deps, set: CollaSet): boolean {
  return sets.get(keyOf(set))?.metadata.generation === set.metadata.generation;
}

async function observeRevision(pass: Pass): Promise<ObservedRevision> {
  const { deps, set, memory } = pass;
  const stored = pass.storedRevisions();
  const collisions = Math.max(set.status?.collisionCount ?? 0, memory.collisionCount);
  const plan = planRevision(set, stored, collisions);
  const alike = plan.action === 'create' ? await newestIfAlike(pass, stored) : undefined;
  const updated = plan.action === 'reuse' ? parseRevision(plan.revision) : alike;
  const unowned = deps.revisions.byIndex(UNOWNED, set.metadata.namespace ?? '');
  return {
    stored,
    byName: pass.revisions(),
    adoptable: adoptableRevisions(set, unowned),
    plan,
    updated,
    collisionCount: collisions,
    isTried: updated !== undefined && isTried(pass, updated),
  };
}

/** False if a dry run of the revision is due: none was made yet, or one was refused and may succeed by now. */
function isTried({ memory: { trial }, deps }: Pass, { name }: Revision): boolean {
  if (trial?.revision !== name) return false;
  return trial.refusal === undefined || deps.clock.monotonic() < trial.retryAtMs;
}

async function observeClaims(pass: Pass, updated: Revision | undefined): Promise<ObservedClaims> {
  const { deps, set } = pass;
  const unowned = deps.claims.byIndex(UNOWNED, set.metadata.namespace ?? '');
  const classes = updated ? classesToAsk({ unowned, templates: updated.claimTemplates }) : NONE;
  return {
    owned: pass.claims(),
    unowned,
    expandable: classes.size > 0 ? await deps.storageClasses.expandable(classes) : NONE,
    orphanOf: (claim) => deps.pods.byIndex(ORPHAN_MOUNTS, keyOf(claim))[0]?.metadata.name,
    mountedBy: (pod) => mountedClaims(deps, pod),
  };
}

const NO_FACTS: UpdateFacts = {
  canResize: false,
  expandable: NONE,
  refusals: new Map(),
  knowledgeOf: () => ({ nowMs: 0 }),
};

/** Collects the facts about the cluster that updates need and the caches do not have. */
async function updateFacts(pass: Pass, updated: Revision): Promise<UpdateFacts> {
  const { deps, memory } = pass;
  const owned = pass.owned();
  const mayGrow = updated.claimTemplates.length > 0 && owned.some((pod) => revisionNameOf(pod) !== updated.name);
  const claims = mayGrow ? pass.claims() : [];
  const classes = claims.length > 0 ? await deps.storageClasses.expandable(classesOf(claims)) : NONE;
  const nowMs = deps.clock.monotonic();
  lookAt(memory, owned, nowMs);
  return {
    held: isTried(pass, updated) ? memory.trial?.refusal : undefined,
    canResize: await deps.servesResize(),
    expandable: expandableTemplates(claims, (name) => classes.has(name)),
    refusals: memory.refusals,
    knowledgeOf: (pod) => knowledgeOf(memory, pod, nowMs),
  };
}

function dueOf({ deps, memory }: Pass): Due {
  const { clock, settings } = deps;
  const nowMs = clock.monotonic();
  const { statusIntervalMs } = settings;
  return {
    createMs: memory.createAfterMs - nowMs,
    tidyContextMs: memory.contextTidiedMs + statusIntervalMs - nowMs,
    tidyBusyContextMs: memory.contextTidiedMs + 5 * statusIntervalMs - nowMs,
    deleteClaimsMs: memory.claimsCheckedMs + statusIntervalMs - nowMs,
    trialMs: (memory.trial?.retryAtMs ?? nowMs) - nowMs,
    claimMs: ({ metadata }: PersistentVolumeClaim) => (memory.heldClaims.get(metadata.uid ?? '') ?? nowMs) - nowMs,
  };
}
