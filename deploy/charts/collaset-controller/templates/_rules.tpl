{{/* A rule per kind, its verbs as used in apps/collaset-controller. */}}
{{- define "collaset-controller.rules" -}}
# The finalizer; with reclaimScaleStrategy the lists of spec.scaleStrategy as well.
- apiGroups: [apps.kusionstack.io]
  resources: [collasets]
  verbs: [get, list, watch, patch]
- apiGroups: [apps.kusionstack.io]
  resources: [collasets/status]
  verbs: [patch]
# Owner references with blockOwnerDeletion need this one.
- apiGroups: [apps.kusionstack.io]
  resources: [collasets/finalizers]
  verbs: [update]
- apiGroups: [apps.kusionstack.io]
  resources: [resourcecontexts]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods, persistentvolumeclaims]
  verbs: [get, list, watch, create, patch, delete]
# Resources changed in place.
- apiGroups: [""]
  resources: [pods/resize]
  verbs: [patch]
# Whether claims can be expanded. Cluster-scoped: with watchNamespace they cannot be read, and claims are made anew instead.
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get]
# The sizes of nodes, when Pods are to become larger. Cluster-scoped: with watchNamespace they cannot be read, and a Pod that its node
# cannot resize stays as it is.
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, list]
{{- end -}}
