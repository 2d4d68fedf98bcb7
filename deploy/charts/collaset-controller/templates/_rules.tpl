{{/* A rule per kind, its verbs as used in apps/collaset-controller. */}}
{{- define "collaset-controller.rules" -}}
# To write the finalizer, and with reclaimScaleStrategy the lists of spec.scaleStrategy.
- apiGroups: [apps.kusionstack.io]
  resources: [collasets]
  verbs: [get, list, watch, patch]
- apiGroups: [apps.kusionstack.io]
  resources: [collasets/status]
  verbs: [patch]
# To set owner references with blockOwnerDeletion.
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
# For dry runs, which show what the API server makes of a Pod template. A PodTemplate does nothing by itself.
- apiGroups: [""]
  resources: [podtemplates]
  verbs: [create]
# To change resources in place.
- apiGroups: [""]
  resources: [pods/resize]
  verbs: [patch]
# To see whether claims can be expanded. The kind is cluster-scoped: with watchNamespace the controller cannot read it, and recreates claims
# instead.
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get]
# To read the sizes of nodes when Pods are to become larger. The kind is cluster-scoped: with watchNamespace the controller cannot read it, and
# a Pod that its node cannot resize stays as it is.
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, list]
{{- end -}}
