// Checks the protocol's promises to third parties from the stored objects alone. It uses none of our code or constants.

import { own, type Pod } from '@kuperator/api';

const DOMAIN = 'podopslifecycle.kusionstack.io';
const AVAILABLE = `${DOMAIN}/service-available`;
const OFFLINE = `${DOMAIN}/stay-offline`;
const GATE = 'pod.kusionstack.io/service-ready';
const PROTECTION = `prot.${DOMAIN}`;
/** From the grant of a check until its operation ends, a Pod does not serve. */
const BEYOND_PRE_CHECK = [
  'pre-checked',
  'preparing',
  'operate',
  'operated',
  'post-check',
  'post-checked',
  'completing',
];

type Budget = { readonly pods: number; readonly maxUnavailable: number };

/**
 * Describes every promise that was broken.
 * @param versions all versions of an application's Pods, in the order in which they were stored
 * @param budget set only if nothing but operations takes Pods out of service
 */
export function brokenPromises(versions: readonly Pod[], budget?: Budget): readonly string[] {
  const present = new Map<string, Pod>();
  return versions.flatMap((pod) => {
    const uid = pod.metadata.uid ?? '';
    const old = present.get(uid);
    present.set(uid, pod);
    if (pod.metadata.deletionTimestamp !== undefined) return [];
    const others = [...present.values()].filter((each) => each.metadata.uid !== uid);
    const broken = [...ofState(pod), ...(old ? ofStep(old, pod, { others, budget }) : [])];
    const where = `${pod.metadata.name} at ${pod.metadata.resourceVersion}`;
    return broken.map((what) => `${where}: ${what}: ${lifecycleOf(pod).join(' ')}`);
  });
}

/** Number of grants. A schedule in which nothing was granted proves nothing. */
export function grantsIn(versions: readonly Pod[]): number {
  const granted = new Map<string, readonly string[]>();
  let grants = 0;
  for (const pod of versions) {
    const uid = pod.metadata.uid ?? '';
    const before = granted.get(uid) ?? [];
    const now = idsIn(pod, 'operate');
    grants += now.filter((id) => !before.includes(id)).length;
    granted.set(uid, now);
  }
  return grants;
}

function ofState(pod: Pod): readonly string[] {
  const broken: string[] = [];
  const beyond = BEYOND_PRE_CHECK.filter((stage) => idsIn(pod, stage).length > 0);
  if (has(pod, AVAILABLE) && beyond.length > 0) broken.push(`available in ${beyond.join(', ')}`);
  if (idsIn(pod, 'operated').join() !== idsIn(pod, 'done-operation-type').join())
    broken.push('operated without its type');
  const checked = idsIn(pod, 'pre-checked').length > 0;
  if (checked !== idsIn(pod, 'operation-permission').length > 0)
    broken.push('checked and permitted do not go together');
  return broken;
}

function ofStep(
  old: Pod,
  pod: Pod,
  { others, budget }: { readonly others: readonly Pod[]; readonly budget: Budget | undefined },
): readonly string[] {
  const broken: string[] = [];
  const granted = idsIn(pod, 'operate').filter((id) => !idsIn(old, 'operate').includes(id));
  if (granted.length > 0) {
    if (gateOf(pod) === 'True') broken.push('operate granted with the gate open');
    if ((pod.metadata.finalizers ?? []).some((name) => name.startsWith(PROTECTION))) {
      broken.push('operate granted with a finalizer on');
    }
    for (const id of granted)
      if (!idsIn(pod, 'pre-checked').includes(id)) broken.push('operate granted without a check');
  }
  const opened = gateOf(old) === 'False' && gateOf(pod) === 'True';
  const closed = gateOf(old) === 'True' && gateOf(pod) === 'False';
  const operating = idsIn(pod, 'operate').filter((id) => idsIn(pod, 'operating').includes(id));
  if (opened && operating.length > 0) broken.push(`the gate opens while ${operating.join()} operates`);
  const isIdle = (each: Pod) => lifecycleOf(each).every((key) => key === AVAILABLE) && !has(each, OFFLINE);
  if (closed && isIdle(old) && isIdle(pod)) broken.push('the gate closes on an idle Pod');
  const taken = has(old, AVAILABLE) && !has(pod, AVAILABLE) && idsIn(pod, 'pre-checked').length > 0;
  if (taken && budget) {
    const out = budget.pods - others.filter((each) => has(each, AVAILABLE)).length;
    if (out > budget.maxUnavailable) broken.push(`${out} Pods out of service, ${budget.maxUnavailable} may be`);
  }
  return broken;
}

function has(pod: Pod, label: string): boolean {
  return own(pod.metadata.labels, label) !== undefined;
}

function gateOf(pod: Pod): string | undefined {
  return pod.status?.conditions?.find(({ type }) => type === GATE)?.status;
}

function lifecycleOf(pod: Pod): readonly string[] {
  return Object.keys(pod.metadata.labels ?? {}).filter((key) => key.includes(`${DOMAIN}/`));
}

/** The ids (or types) with a label of the stage, sorted. */
function idsIn(pod: Pod, stage: string): readonly string[] {
  const prefix = `${stage}.${DOMAIN}/`;
  return lifecycleOf(pod)
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length))
    .sort();
}
