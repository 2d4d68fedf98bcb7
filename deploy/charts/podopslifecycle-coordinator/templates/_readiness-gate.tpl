{{/* Who gives Pods the readiness gate: policy or webhook. */}}
{{- define "podopslifecycle-coordinator.gateBy" -}}
{{- if ne .Values.readinessGate.mode "auto" -}}
{{ .Values.readinessGate.mode }}
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
policy
{{- else -}}
webhook
{{- end }}
{{- end -}}

{{/* The same for both, so that both are asked about the same Pods. */}}
{{- define "podopslifecycle-coordinator.gateConditions" -}}
- name: has-no-gate-yet
  expression: >-
    !has(object.spec.readinessGates) ||
    !object.spec.readinessGates.exists(gate, gate.conditionType == 'pod.kusionstack.io/service-ready')
{{- end -}}
