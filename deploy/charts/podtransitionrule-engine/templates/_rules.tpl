{{/* A rule per kind, its verbs as used in apps/podtransitionrule-engine. */}}
{{- define "podtransitionrule-engine.rules" -}}
- apiGroups: [apps.kusionstack.io]
  resources: [podtransitionrules]
  verbs: [get, list, watch, patch]
- apiGroups: [apps.kusionstack.io]
  resources: [podtransitionrules/status]
  verbs: [patch]
# Budgets are counted against the replicas of the set a Pod belongs to.
- apiGroups: [apps.kusionstack.io]
  resources: [collasets]
  verbs: [get, list, watch]
# As are those of other owners with replicas; read once a rule selects a Pod of theirs.
- apiGroups: [apps]
  resources: [replicasets, statefulsets]
  verbs: [get, list, watch]
# Patched to keep the detail annotations of a rule's verdict.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
{{- end -}}
