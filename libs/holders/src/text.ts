// One sentence for each holder, without a subject Pod: `web-0: <text>`, `3 Pods: <text>`.
import { type CountedText, counted, foreignText, spelled } from './counted-text.ts';
import type { CoordinatorStep, Holder } from './holder.ts';
import { stoppedOperatorOf } from './holder.ts';
import { clauseOfReason, reasonFrom } from './rule-reason.ts';

/** Maximum length of a quoted message of the scheduler, a kubelet or a rule. */
export const MESSAGE_LIMIT = 300;

export function bounded(text: string, limit = MESSAGE_LIMIT): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > limit ? `${line.slice(0, limit - 3)}...` : line;
}

/** What the holder has not done yet, as a clause after the name of the Pod or operation and a colon. */
export function textOf(holder: Holder): string {
  return spelled(wordsOf(holder));
}

/** The same clause with marked counts, for comparisons with another clause or with the text of an earlier process. */
export function wordsOf(holder: Holder): CountedText {
  const stopped = stoppedOperatorOf(holder);
  return stopped === undefined
    ? counted`${clauseOf(holder)}`
    : counted`${stopped} is not running (it has no live Lease); ${clauseOf(holder)}`;
}

function clauseOf(holder: Holder): string | CountedText {
  switch (holder.kind) {
    case 'rule': {
      const name = holder.name === '' ? holder.rule : `${holder.rule}/${holder.name}`;
      return counted`rule ${name}: ${clauseOfReason(reasonFrom(holder.reason || 'refuses'))}`;
    }
    case 'engine': {
      const rules = holder.rules.length > 0 ? ` on PodTransitionRule ${holder.rules.join(', ')}` : '';
      return counted`no verdict from the podtransitionrule-engine${rules}${inBrackets(holder.reason)}`;
    }
    case 'coordinator':
      return COORDINATOR_STEPS[holder.step];
    case 'blind':
      return `podopslifecycle-coordinator cannot tell whether its cache of ${holder.resources.join(', ')} is current`;
    case 'adapter':
      return adapterClause(holder);
    case 'operation':
      return holder.isTyped
        ? `operation controller (${holder.id}) has not finished its change`
        : `operation controller (${holder.id}) has not set the operation-type label`;
    case 'other-operations':
      return `finished; other operations on the Pod are not: ${holder.ids.join(', ')}`;
    case 'eviction':
      return 'out of service, and may be evicted; its client has not asked again';
    case 'delay':
      return counted`permitted, and waits for operationDelaySeconds (${holder.seconds} s, until ${timeOf(holder.untilMs)})`;
    case 'min-ready':
      return `ready; minReadySeconds ends at ${timeOf(holder.untilMs)}`;
    case 'annotation':
      return `annotation ${holder.annotation} is not a JSON object`;
    case 'new-pod':
      return `new Pod ${holder.name} is not service-available yet`;
    case 'paused':
      return 'the set is paused';
    case 'partition':
      return holder.partition === undefined
        ? 'not labelled to be updated (byLabel)'
        : `held back by partition ${holder.partition}`;
    case 'refused':
      return counted`API server refuses ${holder.what}${afterColon(holder.message)}`;
    case 'policy':
      return foreignText(holder.message);
    default:
      return podClauseOf(holder);
  }
}

/** Clauses about what the scheduler and the kubelet have not done yet. */
function podClauseOf(holder: Extract<Holder, { kind: PodHolderKind }>): string | CountedText {
  switch (holder.kind) {
    case 'unscheduled':
      return counted`${holder.message === '' ? 'no node is assigned yet' : 'cannot be scheduled'}${afterColon(holder.message)}`;
    case 'image':
      return imageClause(holder);
    case 'container-config':
      return counted`kubelet cannot create container ${holder.container} (${holder.reason})${afterColon(holder.message)}`;
    case 'crash':
      return counted`container ${holder.container} keeps crashing${inBrackets(holder.message)}`;
    case 'init-container':
      return `init container ${holder.container} has not completed`;
    case 'starting':
      return counted`kubelet is starting container ${holder.container}${inBrackets(holder.message)}`;
    case 'unready': {
      const plural = holder.containers.length > 1 ? 's' : '';
      return `container${plural} ${holder.containers.join(', ')} not ready (${holder.probe} probe)`;
    }
    case 'readiness-gate':
      return counted`readiness gate ${holder.gate} is not True${afterColon(holder.message)}`;
    case 'resize':
      return counted`resize is ${holder.reason}${afterColon(holder.message)}`;
    case 'change':
      return counted`kubelet has not finished the change in place${afterColon(holder.reason)}`;
    case 'node':
      return holder.node === ''
        ? 'the kubelet does not report the Pod ready'
        : `kubelet of node ${holder.node} does not report`;
    case 'terminating': {
      const node = holder.node === undefined ? '' : ` on node ${holder.node}`;
      return `terminating${node}; its grace period ends at ${timeOf(holder.untilMs)}`;
    }
    case 'finalizer':
      return `deleted, and held by finalizer ${holder.finalizers.join(', ')}`;
  }
}

type PodHolderKind =
  | 'unscheduled'
  | 'image'
  | 'container-config'
  | 'crash'
  | 'init-container'
  | 'starting'
  | 'unready'
  | 'readiness-gate'
  | 'resize'
  | 'change'
  | 'node'
  | 'terminating'
  | 'finalizer';

const COORDINATOR_STEPS: { readonly [S in CoordinatorStep]: string } = {
  PreCheck: 'podopslifecycle-coordinator has not passed its PreCheck',
  PostCheck: 'podopslifecycle-coordinator has not passed its PostCheck',
  'close-gate': 'podopslifecycle-coordinator has not closed the service-ready gate',
  'open-gate': 'podopslifecycle-coordinator has not opened the service-ready gate',
  begin: 'podopslifecycle-coordinator has not begun the deletion',
  delete: 'podopslifecycle-coordinator has not deleted the Pod',
  complete: 'podopslifecycle-coordinator has not returned the Pod to service',
};

/** Longer causes are cut: a Pod may name several. */
const PROBLEM_LIMIT = 300;

function adapterClause({ problem, ...holder }: Extract<Holder, { kind: 'adapter' }>): string {
  return problem === undefined ? adapterStep(holder) : `${adapterStep(holder)}: ${bounded(problem, PROBLEM_LIMIT)}`;
}

function adapterStep({ step, employers, finalizer }: Extract<Holder, { kind: 'adapter' }>): string {
  const who = employers.join(' and ');
  switch (step) {
    case 'announce':
      return `the traffic adapter of ${who} has not announced itself on the Pod`;
    case 'arriving':
      return `traffic is still coming on: ${who}`;
    case 'off':
      return who === '' ? `finalizer ${finalizer} is not off` : `traffic of ${who} is not off (finalizer ${finalizer})`;
    case 'on':
      return `traffic of ${who} is not on (finalizer ${finalizer})`;
  }
}

function imageClause({ image, container, reason, message }: Extract<Holder, { kind: 'image' }>): CountedText {
  const what = image === '' ? `the image of container ${container}` : image;
  // The kubelet alternates between the failure and its back-off, each with a different text.
  return reason === 'ErrImagePull'
    ? [`kubelet cannot pull ${what} (ErrImagePull)`]
    : counted`kubelet cannot pull ${what} (${reason})${afterColon(message)}`;
}

/** What a person can do or look at next. */
export function nextStepOf(holder: Holder): string {
  const stopped = stoppedOperatorOf(holder);
  if (stopped !== undefined) return `Start ${stopped}, or look at why its Pods do not run.`;
  switch (holder.kind) {
    case 'rule':
      return `See status.details of PodTransitionRule ${holder.rule}.`;
    case 'engine':
      return 'Look at the log of podtransitionrule-engine and at Events of the PodTransitionRule.';
    case 'coordinator':
      return 'Look at the log of podopslifecycle-coordinator.';
    case 'blind':
      return 'Look at /readyz and the log of podopslifecycle-coordinator: it may have lost the right to list and watch, or its connection.';
    case 'adapter':
      return `Look at the log of ${holder.app ?? 'the traffic controller that owns the finalizer'}.`;
    case 'operation':
    case 'other-operations':
      return 'The controller of the operation must finish it, or cancel it with the undo-operation-type label.';
    case 'eviction':
      return 'Evict it again: a drain is undone if no client asks for it any more.';
    case 'delay':
    case 'min-ready':
    case 'starting':
    case 'init-container':
    case 'change':
      return 'Wait.';
    case 'unscheduled':
      return 'Make room on a node, or change what the Pod asks for.';
    case 'image':
      return 'Correct the image of the template, or its pull secret.';
    case 'container-config':
      return 'Correct what the container refers to: ConfigMap, Secret, volume, command.';
    case 'crash':
      return `See kubectl logs --previous -c ${holder.container}.`;
    case 'unready':
      return 'See the probe in kubectl describe pod.';
    case 'readiness-gate':
      return `The controller that sets condition ${holder.gate} must set it True.`;
    case 'resize':
      return 'Make room on the node, or change the resources of the template.';
    case 'node':
      return 'Look at the node.';
    case 'terminating':
      return 'Wait; a container may use its grace period to stop.';
    case 'finalizer':
      return 'The controller that owns the finalizer must remove it.';
    case 'annotation':
      return `Correct the annotation ${holder.annotation}.`;
    case 'new-pod':
      return `See why Pod ${holder.name} is not ready.`;
    case 'paused':
      return 'Set spec.paused to false.';
    case 'partition':
      return 'Lower the partition, or label the Pods.';
    case 'refused':
      return 'Correct what the message names, or make room in the quota.';
    case 'policy':
      return 'Change the update policy, or take the change back.';
  }
}

function inBrackets(message: string): CountedText {
  return message === '' ? [] : counted` (${foreignText(message)})`;
}

function afterColon(message: string): CountedText {
  return message === '' ? [] : counted`: ${foreignText(message)}`;
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
