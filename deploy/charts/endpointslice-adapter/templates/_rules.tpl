{{/* A rule per kind, its verbs as used in apps/endpointslice-adapter. */}}
{{- define "endpointslice-adapter.rules" -}}
# Never written: the adapter owns nothing that a Service would have to wait for.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
{{- end -}}
