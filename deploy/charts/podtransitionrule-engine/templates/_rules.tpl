{{/* A rule per kind, its verbs as used in apps/podtransitionrule-engine. */}}
{{- define "podtransitionrule-engine.rules" -}}
- apiGroups: [apps.kusionstack.io]
  resources: [podtransitionrules]
  verbs: [get, list, watch, patch]
- apiGroups: [apps.kusionstack.io]
  resources: [podtransitionrules/status]
  verbs: [patch]
# Budgets are counted against the replicas of the CollaSet that owns a Pod.
- apiGroups: [apps.kusionstack.io]
  resources: [collasets]
  verbs: [get, list, watch]
# The same for other owners with replicas. The engine reads them once a rule selects one of their Pods.
- apiGroups: [apps]
  resources: [replicasets, statefulsets]
  verbs: [get, list, watch]
# To write the detail annotations with a rule's verdict.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
{{- end -}}
