import {
  type CollaSet,
  isTerminating,
  type Key,
  keyOf,
  type Pod,
  type ResourceContext,
  replicasOf,
} from '@kuperator/api';
import { ConflictError, type Reconcile } from '@kuperator/runtime';
import { adoptRetainedClaims } from './act/claim-adoption-writes.ts';
import { cleanUpClaims } from './act/claim-cleanup.ts';
import { relabelClaims } from './act/claim-writes.ts';
import { contextOf, recordEntries } from './act/context-writes.ts';
import { BY_OWNER, type Deps, UNOWNED } from './act/deps.ts';
import { refusesTemplate } from './act/dry-run.ts';
import { ensureFinalizer } from './act/finalizer.ts';
import { type LaneResult, runLane, type Window } from './act/lane.ts';
import { Memories, type SetMemory } from './act/memory.ts';
import { mountedClaims, takeClaimsAlong } from './act/moves.ts';
import { staleCache } from './act/pod-writes.ts';
import { reclaimLists } from './act/reclaim-writes.ts';
import { ensureRevision, expireRevisions, type UpdatedRevision } from './act/revision-writes.ts';
import { BEHIND_MS, podTasks, type Task } from './act/tasks.ts';
import { ensureTried, updateFacts } from './act/update-facts.ts';
import { seeClaims, verifyCreations } from './act/verify.ts';
import { claimedIdsOf } from './claims/claims.ts';
import { drain } from './drain.ts';
import { OWNER, REVISION } from './ids/instance-id.ts';
import { leftBehindOf, leftBehindText } from './ids/left-behind.ts';
import { membersOf, revisionNameOf } from './ids/members.ts';
import { isAvailable, nextAvailableInMs } from './plan/availability.ts';
import type { Creation } from './plan/context.ts';
import { changedFrom } from './plan/in-place-record.ts';
import { isSettled, type Plan, planPass } from './plan/plan.ts';
import type { UpdateFacts } from './plan/update.ts';
import { revisionsByName } from './revision/revision.ts';
import type { Revision } from './revision/revision-data.ts';
import { type ConditionUpdate, failed, messageOf } from './tell/conditions.ts';
import { scaling, settled, updating } from './tell/events.ts';
import type { Stand } from './tell/health.ts';
import { type Holding, holdingOf, keptText, pausedWork } from './tell/holding.ts';
import { blockageOf, conditionsOf, type Lanes, recordEvents } from './tell/outcome.ts';
import { DEADLINE_EXCEEDED, deadlineInMs, isOverdueTold, progressOf, stepsLeft } from './tell/progress.ts';
import { statusOf } from './tell/status.ts';
import { writeStatus } from './tell/status-writes.ts';

/** After so long a Pod that could not be included may be one that can, though nothing was heard of it. */
const REFUSED_MS = 30_000;
/** What follows from a refused update is decided soon, but not in a busy loop. */
const REFUSAL_MS = 100;
const CREATE_BACKOFF_MS = 250;
/** How soon to look again whether the caches are current. */
const BLIND_MS = 1000;
const NOT_CURRENT = 'CacheNotCurrent';
const MAX_CREATE_BACKOFF_MS = 60_000;
const HOLDING_MS = 1000;
const MANY_PODS = 50;

/** Keeps a CollaSet's Pods at its replicas and revision: read the caches, plan, write, tell. */
export function collaSetReconciler(deps: Deps): Reconcile {
  const memories = new Memories();
  return async function reconcile(key: Key) {
    const stored = deps.sets.get(key);
    if (!stored) return memories.forget(key);
    const memory = memories.of(key, stored, deps.term());
    if (isTerminating(stored)) return drain(deps, stored, memory);
    return new Pass(deps, stored, memory).run();
  };
}

/** One pass over one set. */
class Pass {
  readonly #deps: Deps;
  #set: CollaSet;
  readonly #memory: SetMemory;
  readonly #startedMs: number;
  #requeueMs = Number.POSITIVE_INFINITY;

  constructor(deps: Deps, set: CollaSet, memory: SetMemory) {
    this.#deps = deps;
    this.#set = set;
    this.#memory = memory;
    this.#startedMs = deps.clock.monotonic();
  }

  async run(): Promise<{ requeueAfterMs?: number }> {
    let plan: Plan | undefined;
    let updated: UpdatedRevision | undefined;
    let failures: readonly unknown[];
    try {
      this.#set = await ensureFinalizer(this.#deps, this.#set);
      updated = await ensureRevision(this.#deps, this.#set, this.#memory);
      await adoptRetainedClaims(this.#deps, this.#set, updated.revision, this.#memory);
      plan = await this.#plan(updated.revision);
      const outcome = await this.#execute(plan, updated.revision);
      failures = outcome.failures;
      await this.#writeStatus(plan, updated, outcome);
    } catch (error) {
      if (!(error instanceof ConflictError)) await this.#report(error, plan, updated);
      throw error;
    }
    if (failures.length > 0) throw new AggregateError(failures, `reconciling ${keyOf(this.#set)}`);
    return Number.isFinite(this.#requeueMs) ? { requeueAfterMs: this.#requeueMs } : {};
  }

  /** A pass that comes to no end says why, and that this generation was seen (T64). */
  async #report(error: unknown, plan: Plan | undefined, updated: UpdatedRevision | undefined): Promise<void> {
    const set = this.#set;
    const { missing = 0, surplus } = plan?.scale ?? {};
    const condition =
      missing > 0
        ? failed('Scale', 'ScaleOutFailed', [error])
        : surplus?.size
          ? failed('Scale', 'ScaleInFailed', [error])
          : failed('Update', 'UpdateFailed', [error]);
    const status = statusOf({
      set,
      members: membersOf(set, this.#owned()),
      updatedRevision: updated?.revision.name ?? set.status?.updatedRevision ?? '',
      isKnownRevision: () => true,
      collisionCount: updated?.collisionCount ?? set.status?.collisionCount ?? 0,
      conditions: [condition],
      now: this.#now(),
      ...this.#standOfFailure(error),
    });
    await writeStatus(this.#deps, set, status, 'failed', this.#memory);
  }

  /** What was said of an earlier generation must not pass for an answer to this one. */
  #standOfFailure(error: unknown): { stand?: Stand } {
    if (refusesTemplate(error)) {
      return { stand: { at: 'refused', reason: 'UpdateFailed', message: messageOf([error]) } };
    }
    const isObserved = this.#set.status?.observedGeneration === this.#set.metadata.generation;
    return isObserved ? {} : { stand: { at: 'under-way', cause: '' } };
  }

  /** A revision no Pod has yet is tried before any Pod is touched for it. */
  async #plan(updated: Revision): Promise<Plan> {
    const facts = await updateFacts(this.#deps, this.#set, updated, this.#memory);
    const plan = this.#planWith(updated, facts);
    if (plan.update.pending.size === 0) return plan;
    await ensureTried(this.#deps, this.#set, updated, this.#memory);
    const held = this.#memory.trial?.refusal;
    return held === undefined ? plan : this.#planWith(updated, { ...facts, held });
  }

  #planWith(updated: Revision, facts: UpdateFacts): Plan {
    const { clock, pods } = this.#deps;
    const set = this.#set;
    const { namespace } = set.metadata;
    const revisions = revisionsByName(this.#revisions());
    const current = set.status?.currentRevision;
    return planPass({
      set,
      owned: this.#owned(),
      context: contextOf(this.#deps, set),
      updated,
      current: current && revisions.has(current) ? current : updated.name,
      revisions,
      refused: this.#memory.refused,
      isNameTaken: (name) => this.#memory.takenNames.has(name) || pods.get(`${namespace}/${name}`) !== undefined,
      podNamed: (name) => pods.get(`${namespace}/${name}`),
      claimsOf: (pod) => mountedClaims(this.#deps, pod),
      claimed: claimedIdsOf(this.#claims()),
      nowMs: clock.now(),
      nanos: clock.nanos(),
      facts,
    });
  }

  async #execute(plan: Plan, updated: Revision) {
    const set = this.#set;
    const deps = this.#deps;
    const { bus, clock, settings } = deps;
    const mayCreate = this.#mayCreate(plan);
    const revisions = revisionsByName(this.#revisions());
    const getsClaims = ({ revision }: Creation) => (revisions.get(revision)?.claimTemplates.length ?? 0) > 0;
    if (mayCreate && plan.context.creations.some(getsClaims)) await seeClaims(deps, set, this.#memory);
    await this.#writeContext(plan);
    await this.#takeClaimsAlong(plan);
    const scale = (await this.#seesScaleIn(plan)) ? plan.scale : { ...plan.scale, delete: [] };
    const tasks = podTasks(deps, set, this.#memory);
    const isOver = () => clock.monotonic() - this.#startedMs > settings.passMs;
    const run = (lane: readonly Task[], window: Window) => runLane(lane, { isOver, window, max: settings.maxWrites });
    const { windows } = this.#memory;
    const [out, purge, scaleIn, update] = await Promise.all([
      run(mayCreate ? tasks.create(plan.context.creations, revisions) : [], windows.create),
      run(
        [
          ...tasks.mark(plan.scale.mark, plan.replace.relabel),
          ...tasks.release(plan.members.released),
          ...tasks.purge(plan.ended.purge),
          ...tasks.exclude(plan.exclude.now),
          ...tasks.include(plan.include.pods),
        ],
        windows.others,
      ),
      run(tasks.scaleIn(scale), windows.scaleIn),
      run(tasks.update(plan.update, updated, revisions), windows.update),
    ]);
    if (mayCreate) this.#noteCreations(out);
    this.#tellRefusals(plan);
    const tidied = await this.#tidy(plan, updated);
    for (const event of [scaling(set, plan), updating(set, plan, updated.name)]) if (event) bus.publish(event);
    const results = [out, purge, scaleIn, update];
    // Out of time, not out of luck: the rest is decided anew at once.
    if (results.some(({ left, failures }) => left > 0 && failures.length === 0)) this.#requeue(0);
    if (tasks.hasRefused()) this.#requeue(REFUSAL_MS);
    // The cache is behind; mostly its event comes first. A name that was taken needs none.
    if (results.some(({ conflicts }) => conflicts > 0) || tasks.heldBack())
      this.#requeue(out.conflicts > 0 ? 0 : BEHIND_MS);
    for (const { untilMs } of plan.ended.held.values()) this.#requeue(Math.max(0, untilMs - clock.now()));
    for (const delayMs of [plan.scale.delayMs, plan.update.delayMs]) if (delayMs !== undefined) this.#requeue(delayMs);
    return {
      failures: [...results.flatMap(({ failures }) => failures), ...tidied],
      conditions: this.#tell(plan, updated, { out: mayCreate ? out : undefined, scaleIn, update }),
    };
  }

  /**
   * Whether Pods may be deleted by what the caches show: the user may want them again by now.
   * @throws ConflictError when the set has changed; the cache has caught up
   */
  async #seesScaleIn(plan: Plan): Promise<boolean> {
    const { sight, sets, recorder } = this.#deps;
    const { told } = this.#memory;
    const { namespace = '', generation } = this.#set.metadata;
    if (plan.scale.delete.length === 0 || sight.isClear(namespace)) {
      told.delete(NOT_CURRENT);
      return true;
    }
    const blindTo = await sight.blindTo(namespace);
    if (blindTo.length > 0) {
      const message = `no Pod is deleted: the collaset-controller cannot tell whether its cache of ${blindTo.join(', ')} is current`;
      if (!told.has(NOT_CURRENT)) recorder.warn(this.#set, NOT_CURRENT, message);
      told.add(NOT_CURRENT);
      this.#requeue(BLIND_MS);
      return false;
    }
    const key = keyOf(this.#set);
    if (sets.get(key)?.metadata.generation !== generation) throw staleCache(`CollaSet ${key} was stale`);
    return true;
  }

  /** What creations and deletions rest on goes before them, in one write for all of them. */
  async #writeContext(plan: Plan): Promise<void> {
    const deps = this.#deps;
    const seen = contextOf(deps, this.#set);
    if (this.#mayCreate(plan) || plan.context.reused.length > 0)
      await verifyCreations(deps, this.#set, seen, plan.context, this.#memory);
    if (plan.context.change !== 'needed') return;
    await this.#writeEntries(plan, seen);
  }

  async #writeEntries({ context }: Plan, seen: ResourceContext | undefined): Promise<void> {
    const deps = this.#deps;
    const set = this.#set;
    await recordEntries(deps, set, seen, context.entries, this.#memory);
    this.#memory.contextTidiedMs = deps.clock.monotonic();
  }

  /** Once for each generation of the set. */
  #tellRefusals({ exclude, include }: Plan): void {
    const { told } = this.#memory;
    for (const { pod, reason, message } of [...exclude.refused, ...include.refused]) {
      if (!told.has(`${reason}/${pod}`)) this.#deps.recorder.warn(this.#set, reason, message);
      told.add(`${reason}/${pod}`);
    }
    if (include.refused.length > 0) this.#requeue(REFUSED_MS);
  }

  /** Marks and entries nobody needs any more can wait until the set is quiet, or for a while. */
  async #tidy(plan: Plan, updated: Revision): Promise<unknown[]> {
    const deps = this.#deps;
    const set = this.#set;
    try {
      if (plan.context.change === 'tidy') {
        const interval = deps.settings.statusIntervalMs * (isBusy(plan) ? 5 : 1);
        const waitMs = this.#memory.contextTidiedMs + interval - deps.clock.monotonic();
        if (waitMs > 0 && !isSettled({ ...plan, context: { ...plan.context, change: 'none' } }, set)) {
          this.#requeue(waitMs);
        } else {
          await this.#writeEntries(plan, contextOf(deps, set));
        }
      }
      if (set.spec.paused) return [];
      await this.#tidyClaims(plan, updated);
      await expireRevisions(deps, set, this.#usedRevisions(plan, updated));
      await reclaimLists(deps, set, this.#memory);
      return [];
    } catch (error) {
      return [error];
    }
  }

  async #tidyClaims(plan: Plan, updated: Revision): Promise<void> {
    const deps = this.#deps;
    const set = this.#set;
    const owned = this.#claims();
    if (owned.length === 0) return;
    if ((await relabelClaims(deps, set, owned, updated.claimTemplates)) > 0) this.#requeue(0);
    // An id may still be waiting for its Pod, and the claims with it.
    if (plan.scale.missing > 0) return;
    const { ended, entries } = plan.context;
    const own = entries.filter(({ data }) => data?.[OWNER] === set.metadata.name);
    const ids = new Set(own.map(({ id }) => id));
    const revisions = revisionsByName(this.#revisions());
    const used = [...this.#usedRevisions(plan, updated)].flatMap((name) => revisions.get(name)?.claimTemplates ?? []);
    const templates = [...updated.claimTemplates, ...used];
    const use = { owned: this.#claims(), pods: this.#owned(), ids, ended, templates };
    const waitMs = await cleanUpClaims(deps, set, use, this.#memory);
    if (waitMs !== undefined) this.#requeue(waitMs);
  }

  async #takeClaimsAlong({ members, exclude }: Plan): Promise<void> {
    if (this.#deps.claims.byIndex(UNOWNED, this.#set.metadata.namespace ?? '').length === 0) return;
    const staying = members.active.filter((pod) => !exclude.now.has(pod));
    await takeClaimsAlong(this.#deps, this.#set, staying);
  }

  #tell(plan: Plan, updated: Revision, lanes: Lanes): readonly ConditionUpdate[] {
    const set = this.#set;
    const conditions = conditionsOf({
      plan,
      lanes,
      refusal: this.#refusal(plan),
      holding: this.#holding(plan, updated),
      paused: pausedWork(set, plan, updated.name),
      kept: () => keptText(set, plan, updated.name),
      leftBehind: leftBehindText(leftBehindOf(set, this.#deps.pods)),
    });
    recordEvents(this.#deps.recorder, this.#set, plan, conditions, this.#memory.waits);
    return conditions;
  }

  /** Who holds the Pods. Of many Pods not looked at in every pass: that would cost more than the pass. */
  #holding(plan: Plan, updated: Revision): Holding {
    const { clock, isRunning } = this.#deps;
    const memory = this.#memory;
    const pods = this.#owned();
    const atMs = clock.monotonic();
    const leftMs = memory.holding ? memory.holding.atMs + HOLDING_MS - atMs : 0;
    if (memory.holding && leftMs > 0 && pods.length > MANY_PODS && isBusy(plan)) {
      this.#requeue(leftMs);
      return memory.holding.value;
    }
    const set = this.#set;
    const creationRefusal = memory.creationRefusal?.message;
    const value = holdingOf({ set, plan, pods, updated: updated.name, nowMs: clock.now(), isRunning, creationRefusal });
    memory.holding = { atMs, value };
    return value;
  }

  async #writeStatus(
    plan: Plan,
    { revision, collisionCount }: { revision: Revision; collisionCount: number },
    { conditions, failures }: { conditions: readonly ConditionUpdate[]; failures: readonly unknown[] },
  ): Promise<void> {
    const { bus, clock, sets } = this.#deps;
    // Our own writes moved the Pods; they may have moved the set as well.
    const set = sets.get(keyOf(this.#set)) ?? this.#set;
    const known = revisionsByName(this.#revisions());
    const members = membersOf(this.#set, this.#owned());
    const nowMs = clock.now();
    const available = members.active.filter((pod) => isAvailable(this.#set, pod, nowMs)).length;
    const quiet =
      this.#refusal(plan) === undefined && isSettled(plan, this.#set) && available === replicasOf(this.#set);
    const status = statusOf({
      set: {
        ...set,
        metadata: { ...set.metadata, generation: this.#set.metadata.generation ?? 0 },
        spec: this.#set.spec,
      },
      members,
      updatedRevision: revision.name,
      isKnownRevision: (name) => known.has(name),
      collisionCount,
      conditions,
      now: this.#now(),
      stand: this.#stand(plan, revision, quiet),
    });
    const nextMs = nextAvailableInMs(this.#set, members.active, nowMs);
    if (nextMs !== undefined) this.#requeue(nextMs);
    const end = failures.length > 0 ? 'failed' : quiet ? 'settled' : 'under-way';
    const waitMs = await writeStatus(this.#deps, set, status, end, this.#memory);
    if (waitMs !== undefined) this.#requeue(waitMs);
    // Claims of the revision that was current may be unused now.
    const hasMoved = status.currentRevision !== set.status?.currentRevision;
    if (hasMoved && waitMs === undefined && this.#claims().length > 0) this.#requeue(0);
    const fact = quiet ? `${this.#set.metadata.generation}/${revision.name}/${available}` : undefined;
    if (fact !== undefined && fact !== this.#memory.settled) bus.publish(settled(set, revision.name, available));
    this.#memory.settled = fact;
  }

  #stand(plan: Plan, updated: Revision, isComplete: boolean): Stand {
    const set = this.#set;
    const { clock, recorder } = this.#deps;
    const nowMs = clock.monotonic();
    const remaining = stepsLeft(plan, (pod) => isAvailable(set, pod, clock.now()));
    const progress = progressOf(set, this.#memory.progress, { isComplete, remaining, nowMs });
    this.#memory.progress = progress;
    const refused = this.#refused(plan);
    if (refused) return refused;
    const cause = this.#memory.holding?.value.all ?? '';
    if (set.spec.paused) {
      const { isScalePaused, isUpdatePaused } = pausedWork(set, plan, updated.name);
      return { at: 'paused', isPending: isScalePaused || isUpdatePaused || !isComplete, cause };
    }
    if (!progress) return { at: 'complete' };
    const leftMs = deadlineInMs(set, progress, nowMs);
    if (leftMs <= 0) {
      if (!isOverdueTold(set))
        recorder.warn(set, DEADLINE_EXCEEDED, `no progress: ${cause || 'nobody is known to hold it'}`);
      return { at: 'overdue', cause };
    }
    this.#requeue(leftMs);
    return { at: 'under-way', cause };
  }

  /** What only the user can mend, and what keeps everything else from going on. */
  #refused(plan: Plan): Stand | undefined {
    const refusal = this.#refusal(plan);
    if (refusal !== undefined) return { at: 'refused', reason: 'UpdateFailed', message: refusal };
    const { creationRefusal } = this.#memory;
    if (creationRefusal?.isFinal && plan.scale.missing > 0) {
      return { at: 'refused', reason: 'ScaleOutFailed', message: creationRefusal.message };
    }
    const { beyond, missing } = plan.scale;
    if (beyond !== undefined && missing === 0) return { at: 'refused', reason: 'ScaleOutFailed', message: beyond };
    const { blocked, pending } = plan.update;
    const blockage = pending.size === 0 ? blockageOf(blocked) : undefined;
    return blockage === undefined ? undefined : { at: 'refused', reason: 'UpdateFailed', message: blockage };
  }

  /** Why the updated revision is tried on no Pod; undefined also when none is to be taken to it. */
  #refusal({ update }: Plan): string | undefined {
    const { trial } = this.#memory;
    if (!update.isHeld || trial?.refusal === undefined) return undefined;
    this.#requeue(Math.max(0, trial.retryAtMs - this.#deps.clock.monotonic()));
    return trial.refusal;
  }

  #mayCreate({ context }: Plan): boolean {
    const waitMs = this.#memory.createAfterMs - this.#startedMs;
    if (context.creations.length === 0 || waitMs <= 0) return true;
    this.#requeue(waitMs);
    return false;
  }

  #noteCreations({ failures }: LaneResult): void {
    const memory = this.#memory;
    if (failures.length === 0) {
      memory.creationFailures = 0;
      memory.creationRefusal = undefined;
      return;
    }
    memory.creationRefusal = { message: messageOf(failures), isFinal: failures.every(refusesTemplate) };
    // Passes come with every change of a Pod: without this a creation that fails would be tried with each.
    const backoffMs = Math.min(MAX_CREATE_BACKOFF_MS, CREATE_BACKOFF_MS * 2 ** memory.creationFailures++);
    memory.createAfterMs = this.#deps.clock.monotonic() + backoffMs;
  }

  #usedRevisions(plan: Plan, updated: Revision): ReadonlySet<string> {
    const names = new Set<string>([updated.name]);
    const { currentRevision, updatedRevision } = this.#set.status ?? {};
    for (const name of [currentRevision, updatedRevision]) if (name) names.add(name);
    for (const pod of this.#owned()) {
      names.add(revisionNameOf(pod) ?? '');
      // What a change that fails goes back to.
      names.add(changedFrom(pod) ?? '');
    }
    for (const { data } of plan.context.entries) if (data?.[REVISION]) names.add(data[REVISION]);
    return names;
  }

  #owned(): readonly Pod[] {
    return this.#deps.pods.byIndex(BY_OWNER, this.#set.metadata.uid ?? '');
  }

  #claims() {
    return this.#deps.claims.byIndex(BY_OWNER, this.#set.metadata.uid ?? '');
  }

  #revisions() {
    return this.#deps.revisions.byIndex(BY_OWNER, this.#set.metadata.uid ?? '');
  }

  #requeue(afterMs: number): void {
    this.#requeueMs = Math.min(this.#requeueMs, afterMs);
  }

  #now(): string {
    return new Date(this.#deps.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

function isBusy({ scale, update, context }: Plan): boolean {
  return context.creations.length + scale.surplus.size + scale.renewed.size + update.pending.size > 0;
}
