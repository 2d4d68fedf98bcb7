{{/* A rule per kind, its verbs as used in apps/endpointslice-adapter. */}}
{{- define "endpointslice-adapter.rules" -}}
# To patch each Service once, with the annotation that says that the adapter guards its Pods.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, patch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
{{- end -}}
