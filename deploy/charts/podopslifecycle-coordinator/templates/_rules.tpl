{{/* A rule per kind, its verbs as used in apps/podopslifecycle-coordinator. */}}
{{- define "podopslifecycle-coordinator.rules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch, delete]
- apiGroups: [""]
  resources: [pods/status]
  verbs: [patch]
# To see which Services an adapter guards.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch]
- apiGroups: [apps.kusionstack.io]
  resources: [podtransitionrules]
  verbs: [get, list, watch]
{{- if .Values.webhook.enabled }}
# To see whether the namespace of a Pod that is to be deleted is itself being deleted.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list]
{{- end }}
{{- end -}}
