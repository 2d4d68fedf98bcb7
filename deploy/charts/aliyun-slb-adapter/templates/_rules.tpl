{{/* A rule per kind, its verbs as used in apps/aliyun-slb-adapter. */}}
{{- define "aliyun-slb-adapter.rules" -}}
# To patch a Service with the annotation that says that the adapter guards its Pods and, in mode "managed", with a finalizer and with where
# its servers are.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, patch]
# To say what keeps the adapter from its work.
- apiGroups: [""]
  resources: [services/status]
  verbs: [patch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
{{- end -}}
