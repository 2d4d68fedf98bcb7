{{/*
All manifests of one operator. The including chart defines "<chart name>.rules": the list of RBAC rules its code uses.
*/}}
{{- define "operator.manifests" -}}
{{ include "operator.identity" . }}
---
{{ include "operator.deployment" . }}
---
{{ include "operator.metrics" . }}
{{- if .Values.networkPolicy.enabled }}
---
{{ include "operator.networkPolicy" . }}
{{- end }}
{{- if .Values.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .Chart.Name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "operator.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .Values.podDisruptionBudget.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "operator.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end -}}
