{{/* A rule per kind, its verbs as used in apps/endpointslice-adapter. */}}
{{- define "endpointslice-adapter.rules" -}}
# Written for the adapter's finalizer on a Service.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, patch, update]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
{{- end -}}
