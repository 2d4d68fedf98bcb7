{{/* A rule per kind, its verbs as used in apps/endpointslice-adapter. */}}
{{- define "endpointslice-adapter.rules" -}}
# Patched once each: the annotation that says the adapter guards its Pods.
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
