{{/* What both policies over lifecycle labels look at: writes of Pods that are, or were, controlled. */}}
{{- define "podopslifecycle-coordinator.policyTargets" -}}
objectSelector:
  matchLabels:
    kusionstack.io/control: "true"
resourceRules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [pods, pods/status]
{{- end -}}

{{/* The policy over what labels say together: only where they are changed, and never by a node. */}}
{{- define "podopslifecycle-coordinator.policyMatch" -}}
matchConstraints:
  {{- include "podopslifecycle-coordinator.policyTargets" . | nindent 2 }}
matchConditions:
  # Never refuse a kubelet: if it cannot report, its Pod, and then its node, goes out of service.
  - name: is-no-node
    expression: "!request.userInfo.?groups.orValue([]).exists(group, group == 'system:nodes')"
  # The selector above also matches the old labels. This condition exempts a write that removes the control label.
  - name: is-controlled
    expression: object.metadata.?labels[?'kusionstack.io/control'].orValue('') == 'true'
  # A Pod whose labels were already invalid can still be written, and so can anything that does not concern the lifecycle.
  - name: changes-the-lifecycle
    expression: >-
      oldObject == null ||
      object.metadata.?labels != oldObject.metadata.?labels ||
      object.metadata.?annotations[?'pod.kusionstack.io/available-conditions'] !=
      oldObject.metadata.?annotations[?'pod.kusionstack.io/available-conditions']
{{- end -}}

{{- define "podopslifecycle-coordinator.policyBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .policy }}
  labels:
    {{- include "operator.labels" .root | nindent 4 }}
spec:
  policyName: {{ .policy }}
  validationActions: [Deny]
  {{- with .root.Values.watchNamespace }}
  matchResources:
    namespaceSelector:
      matchLabels:
        kubernetes.io/metadata.name: {{ . | quote }}
  {{- end }}
{{- end -}}
