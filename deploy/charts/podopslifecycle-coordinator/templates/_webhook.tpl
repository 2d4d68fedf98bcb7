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
