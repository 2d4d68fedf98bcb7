{{/* Which kinds of webhook configurations there are: validating, mutating or both; empty: the coordinator serves no webhook. */}}
{{- define "podopslifecycle-coordinator.webhookKinds" -}}
{{- if eq (include "podopslifecycle-coordinator.gateBy" .) "webhook" -}}
{{ ternary "both" "mutating" .Values.webhook.enabled }}
{{- else if .Values.webhook.enabled -}}
validating
{{- end }}
{{- end -}}

{{/* Where the API server finds the webhook: root context and path. */}}
{{- define "podopslifecycle-coordinator.webhookAt" -}}
{{- if .root.Values.webhook.url -}}
url: {{ .root.Values.webhook.url }}{{ .path }}
{{- else -}}
service:
  name: {{ .root.Chart.Name }}-webhook
  namespace: {{ .root.Release.Namespace }}
  path: {{ .path }}
{{- end }}
{{- end -}}
