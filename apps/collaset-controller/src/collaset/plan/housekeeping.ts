import { isTerminating, own, type PersistentVolumeClaim, PVC_TEMPLATE_HASH_LABEL } from '@kuperator/api';
import { claimTemplateHash, isClaimOf } from '../claims/claim-template.ts';
import { type ClaimUse, unusedClaims } from '../claims/claims.ts';
import { DELETE_SERVED, OWNER, poolOf, REVISION } from '../ids/instance-id.ts';
import { isSequence, revisionNameOf } from '../ids/members.ts';
import { podNameFor } from '../ids/pod-name.ts';
import { expiredRevisions } from '../revision/revision.ts';
import type { ClaimTemplate, Revision } from '../revision/revision-data.ts';
import { selectorLabelsOf } from '../revision/selector-labels.ts';
import type { Action, ActionOf } from './action.ts';
import type { Decisions } from './decisions.ts';
import { changedFrom } from './in-place-record.ts';
import type { Observed } from './observed.ts';
import { adoptionOf } from './preparation.ts';
import { servedNames } from './reclaim.ts';

/**
 * What is written once nothing is more urgent: entries of instance ids that ended, labels of claims, claims and revisions that are not
 * used any more, and names in lists that are served. All of it is decided from the state before this pass, in which more is in use than
 * after it: what becomes unused in this pass goes in a later one.
 * @param isIdle true if the set has nothing else to do
 * @param isBusy true while many Pods are on their way
 */
export function planHousekeeping(
  observed: Observed,
  decisions: Decisions,
  { updated, isIdle, isBusy }: { updated: Revision; isIdle: boolean; isBusy: boolean },
): readonly Action[] {
  const left = adoptionOf(observed).leave.map((claim): Action => ({ do: 'leaveClaim', left: claim }));
  const tidied = planTidyContext(observed, decisions, { isIdle, isBusy });
  if (observed.set.spec.paused) return [...tidied, ...left];
  const used = usedRevisions(observed, decisions, updated);
  const { set, revision } = observed;
  return [
    ...tidied,
    ...planClaims(observed, decisions, { updated, used }),
    ...expiredRevisions(set, revision.stored, used).map((each): Action => ({ do: 'expireRevision', revision: each })),
    ...planReclaim(observed),
    ...left,
  ];
}

/** Entries that nothing waits for are written together with others, or when the set is quiet, or after a while. */
function planTidyContext(
  { due }: Observed,
  { context }: Decisions,
  { isIdle, isBusy }: { isIdle: boolean; isBusy: boolean },
): readonly Action[] {
  if (context.change !== 'tidy') return [];
  const againMs = isBusy ? due.tidyBusyContextMs : due.tidyContextMs;
  if (againMs > 0 && !isIdle) return [{ do: 'awaitTime', what: 'the ResourceContext', againMs }];
  return [{ do: 'tidyContext', entries: context.entries }];
}

function planClaims(
  observed: Observed,
  { scale, context }: Decisions,
  { updated, used }: { updated: Revision; used: ReadonlySet<string> },
): readonly Action[] {
  const { set, claims, owned: pods, revision, due, maxWrites } = observed;
  if (claims.owned.length === 0) return [];
  const relabelled = relabelledClaims(observed, updated.claimTemplates);
  const actions: Action[] = relabelled.slice(0, maxWrites);
  if (relabelled.length > maxWrites) actions.push({ do: 'awaitTime', what: 'labels of claims', againMs: 0 });
  // An id may still be waiting for its Pod, and its claims too.
  if (scale.missing > 0) return actions;
  const ids = new Set(context.entries.filter(({ data }) => data?.[OWNER] === set.metadata.name).map(({ id }) => id));
  const templates = [updated, ...[...used].flatMap((name) => revision.byName.get(name) ?? [])].flatMap(
    ({ claimTemplates }) => claimTemplates,
  );
  const use: ClaimUse = { owned: claims.owned, pods, ids, ended: context.ended, templates };
  const unused = unusedClaims(set, use);
  const later = unused.map((claim) => due.claimMs(claim)).filter((ms) => ms > 0);
  const now = unused.filter((claim) => due.claimMs(claim) <= 0);
  if (now.length > 0 && due.deleteClaimsMs > 0) later.push(due.deleteClaimsMs);
  else for (const claim of now) actions.push({ do: 'deleteClaim', claim, use: { ...use, owned: now } });
  if (later.length > 0) actions.push({ do: 'awaitTime', what: 'unused claims', againMs: Math.min(...later) });
  return actions;
}

/**
 * Claims that lack labels which they would get today: by the hash in Go's form the Go implementation finds them, and by the labels of the
 * selector everybody else does.
 */
function relabelledClaims({ set, claims }: Observed, templates: readonly ClaimTemplate[]): ActionOf<'relabelClaim'>[] {
  const wanted = Object.entries(selectorLabelsOf(set));
  return claims.owned.flatMap((claim) => {
    const template = templates.find((candidate) => isClaimOf(claim, candidate));
    const changes = template && !isTerminating(claim) ? labelChanges(wanted, claim, template) : {};
    if (!template || Object.keys(changes).length === 0) return [];
    // With another hash, the rest of the template's metadata is all that can still differ.
    const isOther = changes[PVC_TEMPLATE_HASH_LABEL] !== undefined;
    const { labels = {}, annotations = {} } = isOther ? template.metadata : {};
    return [{ do: 'relabelClaim', claim, labels: { ...labels, ...changes }, annotations }];
  });
}

function labelChanges(
  wanted: readonly (readonly [string, string])[],
  claim: PersistentVolumeClaim,
  template: ClaimTemplate,
): Record<string, string> {
  const labels = claim.metadata.labels ?? {};
  const missing = wanted.filter(([key]) => own(labels, key) === undefined);
  const hash = claimTemplateHash(template);
  return {
    ...Object.fromEntries(missing),
    ...(labels[PVC_TEMPLATE_HASH_LABEL] === hash ? {} : { [PVC_TEMPLATE_HASH_LABEL]: hash }),
  };
}

/** Names of the revisions that the status, a Pod or an instance id names, and those that a change in place may go back to. */
function usedRevisions({ set, owned }: Observed, { context }: Decisions, updated: Revision): ReadonlySet<string> {
  const names = new Set<string>([updated.name]);
  const { currentRevision, updatedRevision } = set.status ?? {};
  for (const name of [currentRevision, updatedRevision]) if (name) names.add(name);
  for (const pod of owned) {
    names.add(revisionNameOf(pod) ?? '');
    names.add(changedFrom(pod) ?? '');
  }
  for (const { data } of context.entries) if (data?.[REVISION]) names.add(data[REVISION]);
  return names;
}

function planReclaim({ set, context, podNamed, maxWrites, reclaimsNames }: Observed): readonly Action[] {
  if (!reclaimsNames) return [];
  const listed = servedNames({ set, podNamed, renewed: renewedNames({ set, context }) }).slice(0, maxWrites);
  return listed.length === 0 ? [] : [{ do: 'reclaimNames', listed }];
}

/** With sequential names: the names in podToDelete whose Pods were recreated, as their entries record. */
export function renewedNames({ set, context }: Pick<Observed, 'set' | 'context'>): ReadonlySet<string> {
  if (!isSequence(set)) return new Set();
  const ids = [...poolOf(set, context).own].filter(([, data]) => data[DELETE_SERVED] !== undefined).map(([id]) => id);
  return new Set(ids.map((id) => podNameFor(set, id, 0)));
}
