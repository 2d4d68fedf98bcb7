{{/* ServiceAccount, what it may do in the objects it works on, and in its own namespace. */}}
{{- define "operator.identity" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .Chart.Name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "operator.labels" . | nindent 4 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "operator.clusterName" . }}
  labels:
    {{- include "operator.labels" . | nindent 4 }}
rules:
  {{- include (printf "%s.rules" .Chart.Name) . | trim | nindent 2 }}
  - apiGroups: ["", events.k8s.io]
    resources: [events]
    verbs: [create, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
{{- if .Values.watchNamespace }}
kind: RoleBinding
{{- else }}
kind: ClusterRoleBinding
{{- end }}
metadata:
  name: {{ include "operator.clusterName" . }}
  {{- with .Values.watchNamespace }}
  namespace: {{ . | quote }}
  {{- end }}
  labels:
    {{- include "operator.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "operator.clusterName" . }}
subjects:
  - kind: ServiceAccount
    name: {{ .Chart.Name }}
    namespace: {{ .Release.Namespace }}
---
# Each replica has a Lease. The operator reads the Leases of the other operators to see whether they run. Leases are named for Pods, and a
# role can only list whole names, so the policy below keeps operators from writing each other's Leases.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ .Chart.Name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "operator.labels" . | nindent 4 }}
rules:
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    verbs: [list, watch, create, update, delete]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .Chart.Name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "operator.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ .Chart.Name }}
subjects:
  - kind: ServiceAccount
    name: {{ .Chart.Name }}
    namespace: {{ .Release.Namespace }}
---
# An operator may not write the Leases of another operator: it could take keys from the replicas of that operator.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: leases.{{ include "operator.clusterName" . }}
  labels:
    {{- include "operator.labels" . | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector:
      matchLabels:
        kubernetes.io/metadata.name: {{ .Release.Namespace | quote }}
    resourceRules:
      - apiGroups: [coordination.k8s.io]
        apiVersions: [v1]
        operations: [CREATE, UPDATE, DELETE]
        resources: [leases]
  matchConditions:
    # The policy does not restrict administrators and the cluster's own controllers beyond their roles.
    - name: by-an-operator
      expression: request.userInfo.username.startsWith('system:serviceaccount:{{ .Release.Namespace }}:')
  variables:
    - name: isOurs
      expression: request.userInfo.username == 'system:serviceaccount:{{ .Release.Namespace }}:{{ .Chart.Name }}'
    - name: leases
      expression: "[object, oldObject].filter(lease, lease != null)"
    - name: named
      expression: variables.leases.exists(lease, lease.metadata.name.startsWith('{{ .Chart.Name }}.'))
    - name: labelled
      expression: >-
        variables.leases.exists(lease,
        lease.metadata.?labels[?'kuperator.kusionstack.io/app'].orValue('') == '{{ .Chart.Name }}')
  validations:
    - expression: "variables.isOurs ? variables.named : !variables.named && !variables.labelled"
      reason: Forbidden
      messageExpression: >-
        'Lease ' + request.name + ' is written by ' + request.userInfo.username + ': {{ .Chart.Name }} may write those named {{ .Chart.Name }}.<replica>, and no other operator may'
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: leases.{{ include "operator.clusterName" . }}
  labels:
    {{- include "operator.labels" . | nindent 4 }}
spec:
  policyName: leases.{{ include "operator.clusterName" . }}
  validationActions: [Deny]
{{- end -}}
