// The behaviour of the simulated nodes with Pods, nodes and claims, as KWOK Stages.
import { claimStages } from './kwok-claims.ts';
import { nodeStages } from './kwok-nodes.ts';
import { statusTemplate, terminatedTemplate } from './kwok-pod-status.ts';
import { type KubeletDelays, realPodStages } from './kwok-real-stages.ts';
import { jqTrue, type Stage, stage } from './kwok-stage.ts';

export type PodTimings = {
  /** Between a changed image in a Pod's spec and the restarted container in its status. */
  imageChangeDelayMs: number;
  /** Between the deletion of a Pod and its end; `grace-period` waits for the Pod's grace period. */
  terminationDelay: number | 'grace-period';
  /** Delays of a real kubelet's steps, which are taken one by one. If undefined, all changes are reported at once. */
  kubelet?: KubeletDelays | undefined;
};

/** Annotation of a Pod that overrides `imageChangeDelayMs` for it, e.g. `5s`. */
export const imageChangeDelayAnnotation = 'kwok.kuperator.io/image-change-delay';
/** Annotation of a Pod that overrides `terminationDelay` for it: a duration such as `5s`, or `grace-period`. */
export const terminationDelayAnnotation = 'kwok.kuperator.io/termination-delay';

/** KWOK's default of 4 at a time would make the simulated nodes the bottleneck of a benchmark. */
const parallelism = 32;

/** KWOK's whole configuration file: its options and all Stages, as YAML documents. */
export function kwokConfiguration(timings: PodTimings): string {
  const options = {
    podPlayStageParallelism: parallelism,
    nodePlayStageParallelism: parallelism,
    enableDebuggingHandlers: false,
  };
  const configuration = { apiVersion: 'config.kwok.x-k8s.io/v1alpha1', kind: 'KwokConfiguration', options };
  const documents = [configuration, ...nodeStages, ...podStages(timings), ...claimStages];
  return documents.map((document) => JSON.stringify(document, null, 2)).join('\n---\n');
}

/**
 * Stages of a Pod. `pod-sync` is level-based: one patch, computed from the whole Pod, corrects everything that is wrong in the status,
 * because KWOK does not evaluate a Pod again after its own patch. `pod-restart` does the same for a changed image that takes time. At
 * most one of their selectors is true at a time, because KWOK would choose at random.
 */
export function podStages({ imageChangeDelayMs, terminationDelay, kubelet }: PodTimings): readonly Stage[] {
  const restartDelay = `${imageChangeDelayMs}ms`;
  const endDelay = terminationDelay === 'grace-period' ? terminationDelay : `${terminationDelay}ms`;
  const restartDelayOf = `(.metadata.annotations[${JSON.stringify(imageChangeDelayAnnotation)}] // ${JSON.stringify(restartDelay)})`;
  const endDelayOf = `(.metadata.annotations[${JSON.stringify(terminationDelayAnnotation)}] // ${JSON.stringify(endDelay)})`;
  const endAfter = `.metadata.deletionTimestamp as $end | ${endDelayOf} | if . == "grace-period" then $end else . end`;
  if (kubelet) {
    return realPodStages(kubelet, `.metadata.annotations[${JSON.stringify(imageChangeDelayAnnotation)}]`, endAfter);
  }
  const status = (restart: string) => ({
    patches: [{ subresource: 'status', root: 'status', type: 'strategic', template: statusTemplate(restart) }],
  });
  return [
    stage(
      { name: 'pod-sync', match: [alive, jqTrue(`${facts(restartDelayOf)} | $syncNeeded`)] },
      {
        next: status(restartsAtOnce(restartDelay)),
      },
    ),
    stage(
      {
        name: 'pod-restart',
        match: [alive, jqTrue(`${facts(restartDelayOf)} | ($syncNeeded | not) and $imageChanged`)],
      },
      {
        delay: { durationFrom: { expressionFrom: restartDelayOf } },
        next: status('true'),
      },
    ),
    stage(
      {
        name: 'pod-end',
        match: [jqTrue('.metadata.deletionTimestamp != null and (.metadata.deletionGracePeriodSeconds // 0) > 0')],
      },
      {
        delay: {
          durationFrom: { expressionFrom: endAfter },
        },
        steps: [
          { patch: { subresource: 'status', root: 'status', type: 'strategic', template: terminatedTemplate } },
          { delete: true },
        ],
      },
    ),
  ];
}

const alive = jqTrue(
  '.metadata.deletionTimestamp == null and ((.status.phase // "Pending") | . == "Pending" or . == "Running")',
);

/** jq that binds the variables of the selectors: `$imageChanged`, and `$syncNeeded` for all changes that must not wait. */
function facts(restartDelayOf: string): string {
  return [
    `${restartDelayOf} as $delay`,
    '[.status.conditions[]? | select(.status == "True") | .type] as $true',
    '((([.spec.readinessGates[]?.conditionType] - $true) | length) == 0) as $gatesOpen',
    '(($true | index("Ready")) != null) as $ready',
    '(($true | index("ContainersReady")) != null) as $containersReady',
    '((.status.containerStatuses | length) == 0) as $new',
    '([.status.containerStatuses[]?, (.status.initContainerStatuses[]?)]) as $statuses',
    '(($statuses | length > 0) and all($statuses[]; .ready)) as $allReady',
    // A plain init container has ended once the Pod runs, so a new image for it restarts nothing.
    '((.status.phase // "Pending") == "Pending") as $pending',
    '([.spec.containers[], (.spec.initContainers[]? | select(.restartPolicy == "Always" or $pending))]) as $containers',
    '((([$containers[] | .name + "=" + .image] - [$statuses[] | .name + "=" + .image]) | length) > 0) as $imageChanged',
    'def amounts: .name + (((.resources // {}) | [.limits // {}, .requests // {}]) | tojson)',
    '([.spec.containers[], (.spec.initContainers[]? | select(.restartPolicy == "Always"))]) as $running',
    '((([$running[] | amounts] - [$statuses[] | amounts]) | length) > 0) as $resized',
    `(($delay | test("^0(ms|s)?$")) and $imageChanged) as $restartNow`,
    '($new or $restartNow or $resized or ($containersReady != $allReady) or ($ready != ($containersReady and $gatesOpen))) as $syncNeeded',
  ]
    .map((part) => (part.startsWith('def ') ? `${part};` : `${part} |`))
    .join(' ')
    .replace(/\|$/, '')
    .trim();
}

/** Go template expression that is true if a changed image takes effect at once for this Pod. */
function restartsAtOnce(restartDelay: string): string {
  const annotation = `index (or .metadata.annotations dict) ${JSON.stringify(imageChangeDelayAnnotation)}`;
  return `regexMatch "^0(ms|s)?$" (${annotation} | default ${JSON.stringify(restartDelay)})`;
}
