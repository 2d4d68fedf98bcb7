{{/* A rule per kind, its verbs as used in apps/podopslifecycle-coordinator. */}}
{{- define "podopslifecycle-coordinator.rules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
- apiGroups: [""]
  resources: [pods/status]
  verbs: [patch]
- apiGroups: [apps.kusionstack.io]
  resources: [podtransitionrules]
  verbs: [get, list, watch]
{{- end -}}
