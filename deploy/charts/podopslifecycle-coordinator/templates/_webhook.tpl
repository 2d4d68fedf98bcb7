{{/* Which kinds of webhook configurations there are: validating, mutating or both; empty: the coordinator serves no webhook. */}}
{{- define "podopslifecycle-coordinator.webhookKinds" -}}
{{- if eq (include "podopslifecycle-coordinator.gateBy" .) "webhook" -}}
{{ ternary "both" "mutating" .Values.webhook.enabled }}
{{- else if .Values.webhook.enabled -}}
validating
{{- end }}
{{- end -}}

{{/*
Where the API server finds the webhook: root context, kind of the configuration and route. The path has a token that the coordinator makes and
writes here. Without a path in the manifest an upgrade leaves it as it is; a URL is one text, so the one that is there is looked up.
*/}}
{{- define "podopslifecycle-coordinator.webhookAt" -}}
{{- $url := .root.Values.webhook.url }}
{{- if $url }}
{{- $route := .route }}
{{- $now := printf "%s/%s" $url $route }}
{{- range (lookup "admissionregistration.k8s.io/v1" .kind "" (include "operator.clusterName" .root)).webhooks }}
{{- with .clientConfig.url }}
{{- if and (hasPrefix (printf "%s/" $url) .) (hasSuffix (printf "/%s" $route) .) }}
{{- $now = . }}
{{- end }}
{{- end }}
{{- end }}
url: {{ $now }}
{{- else }}
service:
  name: {{ .root.Chart.Name }}-webhook
  namespace: {{ .root.Release.Namespace }}
{{- end }}
{{- end -}}

{{/* The Secret in which the coordinator keeps its token, and unless cert-manager makes them its certificates. */}}
{{- define "podopslifecycle-coordinator.webhookSecret" -}}
{{ .Chart.Name }}-webhook{{ if eq .Values.webhook.certificates.from "cert-manager" }}-token{{ end }}
{{- end -}}
