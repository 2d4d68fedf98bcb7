{{/* A rule per kind, its verbs as used in apps/podopslifecycle-coordinator. */}}
{{- define "podopslifecycle-coordinator.rules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch, delete]
- apiGroups: [""]
  resources: [pods/status]
  verbs: [patch]
# Which of them have their traffic guarded by an adapter.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch]
- apiGroups: [apps.kusionstack.io]
  resources: [podtransitionrules]
  verbs: [get, list, watch]
{{- if .Values.webhook.enabled }}
# Whether the namespace of a Pod that is to be deleted is being deleted itself.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list]
{{- end }}
{{- end -}}
