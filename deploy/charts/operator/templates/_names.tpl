{{/* Labels that never change over the life of a release: selectors are immutable. */}}
{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "operator.labels" -}}
{{ include "operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: kuperator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Name of a cluster-scoped object: an operator may be installed once per namespace it watches. */}}
{{- define "operator.clusterName" -}}
{{ .Chart.Name }}.{{ .Release.Namespace }}
{{- end -}}
