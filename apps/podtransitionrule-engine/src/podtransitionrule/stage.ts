import {
  DELETE_OPERATION_TYPE,
  own,
  POD_DELETE_OPERATION_ID,
  POD_EVICT_OPERATION_ID,
  type Pod,
  RULE_STAGES,
  type RuleStage,
  stageLabel,
  stagePrefix,
} from '@kuperator/api';

/** One run of an operation that waits in a stage; `since` distinguishes it from an earlier run of the same id (D7). */
type StageOperation = { id: string; since: string };
export type StageEntry = { stage: RuleStage; operations: readonly StageOperation[] };

const PREFIXES: Readonly<Record<RuleStage, string>> = {
  PreCheck: stagePrefix('pre-check'),
  PostCheck: stagePrefix('post-check'),
};

/** The earliest stage the Pod waits in and the operations that wait there, by id; undefined outside every stage. */
export function stageOf(pod: Pod): StageEntry | undefined {
  const labels = pod.metadata.labels ?? {};
  const keys = Object.keys(labels);
  for (const stage of RULE_STAGES) {
    const prefix = PREFIXES[stage];
    const waiting = keys.filter((key) => key.startsWith(prefix) && key.length > prefix.length);
    if (waiting.length > 0) {
      const operations = waiting.map((key) => ({ id: key.slice(prefix.length), since: own(labels, key) ?? '' }));
      return { stage, operations: operations.toSorted((a, b) => compareText(a.id, b.id)) };
    }
  }
  return undefined;
}

/** Stages whose label says that an operation is past its PreCheck. */
const BEYOND = ['pre-checked', 'preparing', 'operate', 'operated', 'post-check', 'post-checked', 'completing'] as const;
const BEYOND_PREFIXES = BEYOND.map(stagePrefix);

/** True if operations wait in PreCheck and none has passed it. */
export function isOnlyAskedFor(pod: Pod): boolean {
  const keys = Object.keys(pod.metadata.labels ?? {});
  return (
    stageOf(pod)?.stage === 'PreCheck' && !keys.some((key) => BEYOND_PREFIXES.some((prefix) => key.startsWith(prefix)))
  );
}

const DELETING_IDS: readonly string[] = [POD_DELETE_OPERATION_ID, POD_EVICT_OPERATION_ID];
const DELETING_TYPES: readonly (string | undefined)[] = [DELETE_OPERATION_TYPE, 'scale-in'];

/** True if an operation that waits in the stage ends with the deletion of the Pod. */
export function endsInDeletion(pod: Pod, { operations }: StageEntry): boolean {
  return operations.some(
    ({ id }) =>
      DELETING_IDS.includes(id) || DELETING_TYPES.includes(own(pod.metadata.labels, stageLabel('operation-type', id))),
  );
}

/** When the first of the operations began to wait, in Unix nanoseconds. A value that is not a number comes after all numbers. */
export function waitsSince(operations: readonly StageOperation[]): bigint {
  const times = operations.map(({ since }) => (/^\d{1,20}$/.test(since) ? BigInt(since) : LATEST));
  return times.reduce((first, time) => (time < first ? time : first), LATEST);
}

const LATEST = 10n ** 20n;

/** Order of code units: the same on every machine, and far cheaper than a locale's. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
