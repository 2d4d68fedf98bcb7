// Stages of a Pod that take the steps of a real kubelet, with one status patch per step and a delay before each. Simulated nodes without
// delays report all changes at once. Only these Stages show how a controller handles the states in between.
import { absentTag, condition, endedTemplate, find, statusTemplate } from './kwok-pod-status.ts';
import { jqTrue, type Stage, stage } from './kwok-stage.ts';

type Range = readonly [leastMs: number, mostMs: number];

/** As measured on a kubelet 1.36 with containerd; each step takes a random time in its range. */
export type KubeletDelays = {
  /** From a readiness gate that turned False to Ready False. */
  readonly unready: Range;
  /** From a changed spec to the patch that only acknowledges it. The old container still runs. */
  readonly acknowledge: Range;
  /** From there until the old container is killed, or resources are changed. */
  readonly restart: Range;
  /** From the start of a container until it is ready. ContainersReady becomes True then, but not Ready. */
  readonly start: Range;
  /** From ContainersReady and open gates to Ready. */
  readonly ready: Range;
  /** From the end of a Pod's containers (phase Succeeded) until it is removed. */
  readonly remove: Range;
  /** Between ErrImageNeverPull and CrashLoopBackOff, or ErrImagePull and ImagePullBackOff, and before a start that waits for its back-off. */
  readonly backOff: Range;
};

export const KUBELET_DELAYS: KubeletDelays = {
  unready: [20, 100],
  acknowledge: [10, 50],
  restart: [0, 2000],
  start: [100, 500],
  ready: [500, 1000],
  remove: [20, 200],
  backOff: [1000, 2000],
};

/** An image whose tag has this suffix has the content of the image without it. containerd reports both by one name. */
const retagged = '-retag';
/** Annotation of a Pod whose container dies between a changed spec and the kill. The kubelet restarts the old image first. */
export const diesBeforeChangeAnnotation = 'kwok.kuperator.io/dies-before-change';

const content = `regexReplaceAll "${retagged}$" $c.image ""`;
/** The id of a container contains the image from which it was started, because the status names images only by content. */
const REAL = {
  image: content,
  imageId: `printf "sha256:%s" (sha256sum (${content}))`,
  containerId: 'printf "containerd://%s-%s" $id (b64enc $c.image)',
  keepsContainers: true,
  isReadyAtOnce: false,
};

/** @param killDelayOf jq: a duration that replaces the delay before the kill, or null */
export function realPodStages(delays: KubeletDelays, killDelayOf: string, endDelayOf: string): readonly Stage[] {
  const next = (template: string) => ({
    next: { patches: [{ subresource: 'status', root: 'status', type: 'strategic', template }] },
    // KWOK does not evaluate a Pod again after its own patch.
    immediateNextStage: true,
  });
  const step = (name: string, template: string, delay?: object) =>
    stage(
      { name: `pod-${name}`, match: [jqTrue(`${facts} | $step == ${JSON.stringify(name)}`)] },
      {
        ...(delay ? { delay } : {}),
        ...next(template),
      },
    );
  return [
    step('sync', statusTemplate('false', REAL)),
    step('unready', statusTemplate('false', REAL), rangeOf(delays.unready)),
    step('acknowledge', '{{ toJson (dict "observedGeneration" .metadata.generation) }}', rangeOf(delays.acknowledge)),
    step('die', restartTemplate('old'), rangeOf(delays.acknowledge)),
    step('restart', restartTemplate('new'), {
      ...rangeOf(delays.restart),
      durationFrom: { expressionFrom: killDelayOf },
      jitterDurationFrom: { expressionFrom: killDelayOf },
    }),
    step('back-off', backOffTemplate, rangeOf(delays.backOff)),
    step('started', startedTemplate, rangeOf(delays.start)),
    step('resize-begin', resizeTemplate('begin'), rangeOf(delays.acknowledge)),
    step('resize-end', resizeTemplate('end'), rangeOf(delays.restart)),
    step('ready', readyTemplate, rangeOf(delays.ready)),
    stage(
      { name: 'pod-terminated', match: [jqTrue(`${ending} and (.status.phase // "") != "Succeeded"`)] },
      {
        delay: { durationFrom: { expressionFrom: endDelayOf } },
        ...next(endedTemplate('true')),
      },
    ),
    stage(
      { name: 'pod-remove', match: [jqTrue(`${ending} and .status.phase == "Succeeded"`)] },
      {
        delay: rangeOf(delays.remove),
        next: { delete: true },
      },
    ),
  ];
}

const ending = '.metadata.deletionTimestamp != null and (.metadata.deletionGracePeriodSeconds // 0) > 0';

function rangeOf([leastMs, mostMs]: Range) {
  return { durationMilliseconds: leastMs, jitterDurationMilliseconds: mostMs };
}

/** jq that binds `$step`, the next step. At most one selector is true at a time, because KWOK would choose at random. */
const facts = [
  '(.metadata.deletionTimestamp == null and ((.status.phase // "Pending") | . == "Pending" or . == "Running")) as $alive',
  '[.status.conditions[]? | select(.status == "True") | .type] as $true',
  '((([.spec.readinessGates[]?.conditionType] - $true) | length) == 0) as $gatesOpen',
  '(($true | index("Ready")) != null) as $ready',
  '(($true | index("ContainersReady")) != null) as $containersReady',
  '(($true | index("PodResizeInProgress")) != null) as $resizing',
  '((.status.containerStatuses | length) == 0) as $new',
  '[.status.containerStatuses[]?, (.status.initContainerStatuses[]?)] as $all',
  '(($all | length > 0) and all($all[]; .ready)) as $allReady',
  '[.status.containerStatuses[]?] as $statuses',
  'def startedFrom: (.containerID // "") | split("-") | if length > 1 then .[1] | @base64d else "" end;',
  '[.spec.containers[] | .name + "=" + .image] as $asked',
  '((($asked - [$statuses[] | .name + "=" + startedFrom]) | length) > 0) as $changed',
  'any($statuses[]; .state.waiting != null) as $waiting',
  `any(.spec.containers[]; .image | endswith(${JSON.stringify(absentTag)})) as $absent`,
  `(.metadata.annotations[${JSON.stringify(diesBeforeChangeAnnotation)}] == "true" and all($statuses[]; .lastState.terminated.exitCode != 137)) as $dies`,
  'def amounts: .name + (((.resources // {}) | [.limits // {}, .requests // {}]) | tojson);',
  '((([.spec.containers[] | amounts] - [$statuses[] | amounts]) | length) > 0) as $resized',
  `(if ($alive | not) then "none"
    elif $new or ($containersReady != $allReady) then "sync"
    elif $ready and (($containersReady and $gatesOpen) | not) then "unready"
    elif (.status.observedGeneration // 0) < .metadata.generation then "acknowledge"
    elif $waiting and $absent then "back-off"
    elif $changed and $dies and ($waiting | not) then "die"
    elif $changed or $waiting then "restart"
    elif any($statuses[]; .started == false and .state.running != null) then "started"
    elif $resized and ($resizing | not) then "resize-begin"
    elif $resized or $resizing then "resize-end"
    elif $containersReady and $gatesOpen and ($ready | not) then "ready"
    else "none" end) as $step`,
]
  .map((part) => (part.endsWith(';') ? part : `${part} |`))
  .join(' ')
  .replace(/\|$/, '')
  .trim();

const eachContainer = (body: string) => `
{{ $now := Now }}{{ $pod := . }}{{ $old := dict }}{{ $new := dict }}{{ $statuses := list }}{{ $conditions := list }}{{ $unready := false }}
{{ range $c := .spec.containers }}
  ${find('$old', { list: '$pod.status.containerStatuses', key: 'name', value: '$c.name' })}
  {{ $startedFrom := "" }}
  {{ $parts := splitList "-" (or $old.containerID "") }}
  {{ if gt (len $parts) 1 }}{{ $startedFrom = b64dec (index $parts 1) }}{{ end }}
  {{ $isRunning := hasKey (or $old.state dict) "running" }}
  {{ $new = $old }}
  ${body}
  {{ if not $new.ready }}{{ $unready = true }}{{ end }}
  {{ $statuses = append $statuses $new }}
{{ end }}`;

/** Kills the containers that must change and starts them again: from the image in the spec or, for a container that died, from its old image. */
function restartTemplate(image: 'old' | 'new'): string {
  const exitCode = image === 'old' ? 137 : 0;
  const reason = image === 'old' ? 'Error' : 'Completed';
  return `${eachContainer(`
  {{ if or (ne $startedFrom $c.image) (not $isRunning) }}
    {{ $last := or $old.lastState dict }}
    {{ if $isRunning }}{{ $last = dict "terminated" (dict "exitCode" ${exitCode} "reason" "${reason}" "startedAt" $old.state.running.startedAt "finishedAt" $now "containerID" $old.containerID) }}{{ end }}
    {{ $restarts := add1 (or $old.restartCount 0) }}
    {{ if and (not $isRunning) (not $old.containerID) }}{{ $restarts = 0 }}{{ end }}
    {{ $image := ${image === 'old' ? '$startedFrom' : '$c.image'} }}
    {{ if hasSuffix "${absentTag}" $image }}
      {{ $why := ternary "ErrImageNeverPull" "ErrImagePull" (eq (or $c.imagePullPolicy "") "Never") }}
      {{ $new = merge (dict "ready" false "started" false "lastState" $last "state" (dict "waiting" (dict "reason" $why "message" (printf "Container image %q is not present" $image)))) (omit $old "state" "lastState" "ready" "started") }}
    {{ else }}
      {{ $content := regexReplaceAll "${retagged}$" $image "" }}
      {{ $id := sha256sum (printf "%s/%s/%s/%v" $pod.metadata.uid $c.name $image $restarts) }}
      {{ $new = merge (dict "ready" false "started" false "lastState" $last "restartCount" $restarts "image" $content "imageID" (printf "sha256:%s" (sha256sum $content)) "containerID" (printf "containerd://%s-%s" $id (b64enc $image)) "state" (dict "running" (dict "startedAt" $now))) (omit $old "state" "lastState" "ready" "started" "restartCount" "image" "imageID" "containerID") }}
    {{ end }}
  {{ end }}`)}
  ${condition('ContainersReady', '"False"', '"ContainersNotReady"')}
  ${condition('Ready', '"False"', '"ContainersNotReady"')}
  {{ $status := dict "containerStatuses" $statuses "observedGeneration" .metadata.generation "phase" "Running" }}
  {{ if $conditions }}{{ $_ := set $status "conditions" $conditions }}{{ end }}
  {{ toJson $status }}`;
}

/** A container whose image is missing alternates between that reason and a back-off. Its image, imageID and containerID stay those of the old container. */
const backOffTemplate = `${eachContainer(`
  {{ if hasKey (or $old.state dict) "waiting" }}
    {{ $first := ternary "ErrImageNeverPull" "ErrImagePull" (eq (or $c.imagePullPolicy "") "Never") }}
    {{ $second := ternary "CrashLoopBackOff" "ImagePullBackOff" (eq (or $c.imagePullPolicy "") "Never") }}
    {{ $why := ternary $second $first (eq (or $old.state.waiting.reason "") $first) }}
    {{ $new = merge (dict "state" (dict "waiting" (dict "reason" $why "message" (or $old.state.waiting.message "")))) (omit $old "state") }}
  {{ end }}`)}
  {{ toJson (dict "containerStatuses" $statuses) }}`;

const startedTemplate = `${eachContainer(`
  {{ if $isRunning }}{{ $new = merge (dict "ready" true "started" true) (omit $old "ready" "started") }}{{ end }}`)}
  ${condition('ContainersReady', '(ternary "False" "True" $unready)', '"ContainersNotReady"')}
  {{ $status := dict "containerStatuses" $statuses }}
  {{ if $conditions }}{{ $_ := set $status "conditions" $conditions }}{{ end }}
  {{ toJson $status }}`;

const readyTemplate = `
{{ $now := Now }}{{ $pod := . }}{{ $old := dict }}{{ $new := dict }}{{ $conditions := list }}
${condition('Ready', '"True"', '""')}
{{ toJson (dict "conditions" $conditions) }}`;

/** A resize is first admitted, with a condition, then the runtime changes the resources. */
function resizeTemplate(at: 'begin' | 'end'): string {
  const status = at === 'begin' ? '"True"' : '"False"';
  return `${eachContainer(
    at === 'begin'
      ? '{{ with $c.resources.requests }}{{ $new = merge (dict "allocatedResources" .) (omit $old "allocatedResources") }}{{ end }}'
      : `{{ $new = merge (dict "resources" (pick (or $c.resources dict) "limits" "requests")) (omit $old "resources") }}`,
  )}
  ${condition('PodResizeInProgress', status, '""')}
  {{ $status := dict "containerStatuses" $statuses "observedGeneration" .metadata.generation }}
  {{ if $conditions }}{{ $_ := set $status "conditions" $conditions }}{{ end }}
  {{ toJson $status }}`;
}
