// Go templates (with sprig) that compute the status of a Pod from its spec and its status so far, as a kubelet would.

/** Images with this tag cannot be pulled. */
export const absentTag = ':non-exist';

/** Sets the variable `name` to the item of `list` whose field `key` is `value`, or to an empty dict. */
export const find = (name: string, { list, key, value }: { list: string; key: string; value: string }) => `
{{ ${name} = dict }}{{ range $item := (or ${list} list) }}{{ if eq (index $item "${key}") ${value} }}{{ ${name} = $item }}{{ end }}{{ end }}`;

/** How the status of a container identifies its image and the container. */
type Naming = {
  /** Go template expressions over `$c`, the container; `id` also uses `$id`, a hash. */
  readonly image: string;
  readonly imageId: string;
  readonly containerId: string;
  /** If true, existing containers do not change here, because another Stage restarts them. */
  readonly keepsContainers: boolean;
  /** If true, Ready becomes True together with the containers. Otherwise another Stage sets it. */
  readonly isReadyAtOnce: boolean;
};

const AT_ONCE: Naming = {
  image: '$c.image',
  imageId: 'printf "docker-pullable://%s@sha256:%s" $c.image (sha256sum $c.image)',
  containerId: 'printf "containerd://%s" $id',
  keepsContainers: false,
  isReadyAtOnce: true,
};

/** Adds the container to `$waiting`, `$unready` and `$never` as needed, and sets `$new`, its new status. */
const containerStatus = (blocked: string, naming: Naming) => `
{{ $ran := or $old.containerID (dig "lastState" "terminated" "" $old) }}
{{ $restarts := or $old.restartCount 0 }}
{{ $running := hasKey (or $old.state dict) "running" }}
{{ $sameImage := eq (or $old.image "") $c.image }}
{{ $resources := pick (or $c.resources dict) "limits" "requests" }}
{{ $restartToResize := false }}
{{ range $policy := (or $c.resizePolicy list) }}{{ if eq $policy.restartPolicy "RestartContainer" }}
  {{ range $kind := (list "limits" "requests") }}
    {{ if ne (dig $kind $policy.resourceName "" $resources) (dig "resources" $kind $policy.resourceName "" $old) }}{{ $restartToResize = $running }}{{ end }}
  {{ end }}
{{ end }}{{ end }}
{{ $lastState := or $old.lastState dict }}
{{ if $running }}
  {{ $lastState = dict "terminated" (dict "exitCode" 0 "reason" "Completed" "startedAt" $old.state.running.startedAt "finishedAt" $now "containerID" (or $old.containerID "")) }}
{{ end }}
{{ $new = dict "name" $c.name "image" $c.image "imageID" "" "ready" false "started" false "restartCount" $restarts "lastState" $lastState }}
{{ if and ${naming.keepsContainers} $old.state }}
  {{ $new = $old }}{{ $resources = $old.resources }}
{{ else if and $running (not $restartToResize) (or $sameImage (not $restart)) }}
  {{ $new = omit $old "resources" "allocatedResources" }}
{{ else if ${blocked} }}
  {{ $_ := set $new "state" (dict "waiting" (dict "reason" "PodInitializing")) }}
{{ else if and (not $restart) (not $sameImage) $old.state }}
  {{ $new = $old }}
{{ else if hasSuffix "${absentTag}" $c.image }}
  {{ $_ := set $new "state" (dict "waiting" (dict "reason" "ErrImagePull" "message" (printf "%s: not found" $c.image))) }}
{{ else }}
  {{ if $ran }}{{ $restarts = add1 $restarts }}{{ end }}
  {{ $id := sha256sum (printf "%s/%s/%s/%v" $pod.metadata.uid $c.name $c.image $restarts) }}
  {{ $_ := set $new "image" (${naming.image}) }}
  {{ $_ := set $new "imageID" (${naming.imageId}) }}
  {{ $_ := set $new "containerID" (${naming.containerId}) }}
  {{ $_ := set $new "restartCount" $restarts }}
  {{ $_ := set $new "ready" true }}{{ $_ := set $new "started" true }}
  {{ $_ := set $new "state" (dict "running" (dict "startedAt" $now)) }}
{{ end }}
{{ if $resources }}{{ $_ := set $new "resources" $resources }}{{ end }}
{{ with $resources.requests }}{{ $_ := set $new "allocatedResources" . }}{{ end }}
{{ if not $new.ready }}{{ $unready = append $unready $c.name }}{{ end }}
{{ if and (hasKey $new.state "waiting") (not (dig "lastState" "terminated" "" $new)) }}{{ $never = append $never $c.name }}{{ end }}`;

/** A plain init container. It has run to its end, unless its image cannot be pulled or an earlier init container is stuck. */
const initStatus = `
{{ $new = $old }}
{{ if not (hasKey (or $old.state dict) "terminated") }}
  {{ $new = dict "name" $c.name "image" $c.image "imageID" "" "ready" false "started" false "restartCount" 0 "lastState" dict }}
  {{ if $stuck }}
    {{ $_ := set $new "state" (dict "waiting" (dict "reason" "PodInitializing")) }}
  {{ else if hasSuffix "${absentTag}" $c.image }}
    {{ $_ := set $new "state" (dict "waiting" (dict "reason" "ErrImagePull" "message" (printf "%s: not found" $c.image))) }}
  {{ else }}
    {{ $id := printf "containerd://%s" (sha256sum (printf "%s/%s/%s/init" $pod.metadata.uid $c.name $c.image)) }}
    {{ $_ := set $new "imageID" (printf "docker-pullable://%s@sha256:%s" $c.image (sha256sum $c.image)) }}
    {{ $_ := set $new "containerID" $id }}
    {{ $_ := set $new "ready" true }}
    {{ $_ := set $new "state" (dict "terminated" (dict "exitCode" 0 "reason" "Completed" "startedAt" $now "finishedAt" $now "containerID" $id)) }}
  {{ end }}
{{ end }}
{{ if not $new.ready }}{{ $unready = append $unready $c.name }}{{ $never = append $never $c.name }}{{ end }}`;

/** Conditions merge by type. Only conditions that change are written, and a transition time changes only with its status. */
export const condition = (type: string, status: string, reason: string) => `
${find('$old', { list: '$pod.status.conditions', key: 'type', value: `"${type}"` })}
{{ $why := ternary ${reason} "" (eq ${status} "False") }}
{{ if or (ne ${status} (or $old.status "")) (ne $why (or $old.reason "")) }}
  {{ $new = dict "type" "${type}" "status" ${status} "reason" nil "message" nil }}
  {{ if $why }}{{ $_ := set $new "reason" $why }}{{ end }}
  {{ if ne ${status} (or $old.status "") }}{{ $_ := set $new "lastTransitionTime" $now }}{{ end }}
  {{ $conditions = append $conditions $new }}
{{ end }}`;

/**
 * Sets the time at which a Pod was assigned to its node. A new Pod starts at that time. So its first status is the same whichever version KWOK
 * works on, and however often, and a second patch changes nothing.
 */
const firstStart = (name: string) => `
{{ range $condition := (or .status.conditions list) }}
  {{ if eq $condition.type "PodScheduled" }}{{ ${name} = $condition.lastTransitionTime }}{{ end }}
{{ end }}`;

/**
 * Appends the Pod's address, 28 bits of a hash of its uid. KWOK's own function gives a different address for every version of a Pod,
 * and the API server refuses a second address.
 */
const podIp = (name: string) => `
{{ $digits := regexReplaceAll "[^0-7]" (sha256sum .metadata.uid) "" }}
{{ $octet := list (add 16 (mod (toDecimal (substr 0 3 $digits)) 16)) }}
{{ range $at := (list 3 6 9) }}{{ $octet = append $octet (mod (toDecimal (substr $at (int (add $at 3)) $digits)) 256) }}{{ end }}
{{ ${name} = append ${name} (dict "ip" (join "." $octet)) }}`;

/** Sets `$containersReady` and `$ready`, the two conditions, from `$unready`; `$unreadyFor` is why the Pod is not ready. */
const readiness = (naming: Naming) => `{{ $containersReady := ternary "False" "True" (gt (len $unready) 0) }}
{{ $ready := $containersReady }}{{ $unreadyFor := "ContainersNotReady" }}
{{ range $gate := (or .spec.readinessGates list) }}
  ${find('$old', { list: '$pod.status.conditions', key: 'type', value: '$gate.conditionType' })}
  {{ if ne (or $old.status "") "True" }}
    {{ if eq $ready "True" }}{{ $unreadyFor = "ReadinessGatesNotReady" }}{{ end }}
    {{ $ready = "False" }}
  {{ end }}
{{ end }}
${
  naming.isReadyAtOnce
    ? ''
    : `${find('$old', { list: '$pod.status.conditions', key: 'type', value: '"Ready"' })}
{{ if ne (or $old.status "") "True" }}{{ $ready = "False" }}{{ end }}`
}`;

/** Adds the addresses of the node and the Pod to `$status`, if the Pod has none yet. */
const addresses = `{{ if not .status.hostIP }}
  {{ $ips := list }}
  {{ range $ip := NodeIPsWith .spec.nodeName }}{{ $ips = append $ips (dict "ip" $ip) }}{{ end }}
  {{ if $ips }}{{ $_ := set $status "hostIP" (first $ips).ip }}{{ $_ := set $status "hostIPs" $ips }}{{ end }}
{{ end }}
{{ if not .status.podIP }}
  {{ $ips := list }}
  {{ if .spec.hostNetwork }}
    {{ range $ip := NodeIPsWith .spec.nodeName }}{{ $ips = append $ips (dict "ip" $ip) }}{{ end }}
  {{ else }}
    ${podIp('$ips')}
  {{ end }}
  {{ if $ips }}{{ $_ := set $status "podIP" (first $ips).ip }}{{ $_ := set $status "podIPs" $ips }}{{ end }}
{{ end }}`;

/**
 * The required changes of the status. KWOK may work on two versions of a Pod at once, and the older patch may arrive last. So a patch
 * contains container statuses only if a container changes, and computes the same container id for the same restart.
 *
 * `restart` is a Go template expression: may containers with a changed image restart now?
 */
export function statusTemplate(restart: string, naming: Naming = AT_ONCE): string {
  return `
{{ $now := Now }}{{ $pod := . }}{{ $old := dict }}{{ $new := dict }}
{{ if not .status.containerStatuses }}${firstStart('$now')}{{ end }}
{{ $restart := ${restart} }}
{{ $unready := list }}{{ $never := list }}{{ $stuck := false }}
{{ $initStatuses := list }}{{ $statuses := list }}{{ $conditions := list }}
{{ range $c := (or .spec.initContainers list) }}
  ${find('$old', { list: '$pod.status.initContainerStatuses', key: 'name', value: '$c.name' })}
  {{ if eq (or $c.restartPolicy "") "Always" }}${containerStatus('$stuck', naming)}{{ else }}${initStatus}{{ end }}
  {{ $initStatuses = append $initStatuses $new }}
  {{ $stuck = gt (len $never) 0 }}
{{ end }}
{{ $initialized := ternary "False" "True" $stuck }}
{{ range $c := .spec.containers }}
  ${find('$old', { list: '$pod.status.containerStatuses', key: 'name', value: '$c.name' })}
  ${containerStatus('$stuck', naming)}
  {{ $statuses = append $statuses $new }}
{{ end }}
${readiness(naming)}
${condition('PodReadyToStartContainers', '"True"', '""')}
${condition('Initialized', '$initialized', '"ContainersNotInitialized"')}
${condition('ContainersReady', '$containersReady', '"ContainersNotReady"')}
${condition('Ready', '$ready', '$unreadyFor')}
{{ $phase := ternary "Pending" "Running" (gt (len $never) 0) }}
{{ if eq (or .status.phase "") "Running" }}{{ $phase = "Running" }}{{ end }}
{{ $status := dict "phase" $phase }}
{{ if $conditions }}{{ $_ := set $status "conditions" $conditions }}{{ end }}
{{ if ne (toJson $statuses) (toJson (or .status.containerStatuses list)) }}
  {{ $_ := set $status "containerStatuses" $statuses }}{{ $_ := set $status "observedGeneration" .metadata.generation }}
{{ end }}
{{ if ne (toJson $initStatuses) (toJson (or .status.initContainerStatuses list)) }}
  {{ $_ := set $status "initContainerStatuses" $initStatuses }}{{ $_ := set $status "observedGeneration" .metadata.generation }}
{{ end }}
{{ if not .status.startTime }}{{ $_ := set $status "startTime" $now }}{{ end }}
${addresses}
{{ toJson $status }}`;
}

/**
 * Status of a Pod whose containers have ended. Only a Pod that a finalizer keeps needs one, because the delete that follows removes every
 * other Pod.
 */
export const terminatedTemplate = endedTemplate('.metadata.finalizers');

/** @param when a Go template expression that is true for the Pods whose status changes */
export function endedTemplate(when: string): string {
  return `
{{ $now := Now }}{{ $pod := . }}{{ $old := dict }}{{ $new := dict }}{{ $conditions := list }}{{ $statuses := list }}{{ $status := dict }}
{{ if ${when} }}
  {{ range $old := (or .status.containerStatuses list) }}
    {{ $new = omit $old "state" "ready" "started" }}
    {{ $_ := set $new "ready" false }}{{ $_ := set $new "started" false }}
    {{ $_ := set $new "state" (dict "terminated" (dict "exitCode" 0 "reason" "Completed" "finishedAt" $now "startedAt" (dig "state" "running" "startedAt" $now $old) "containerID" (or $old.containerID ""))) }}
    {{ $statuses = append $statuses $new }}
  {{ end }}
  ${condition('ContainersReady', '"False"', '"PodCompleted"')}
  ${condition('Ready', '"False"', '"PodCompleted"')}
  {{ $status = dict "phase" "Succeeded" "conditions" $conditions "containerStatuses" $statuses }}
{{ end }}
{{ toJson $status }}`;
}
