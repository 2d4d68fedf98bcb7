{{/* Who may reach the ports. Connections of the operator's own are left alone: their ends differ with every cluster. */}}
{{- define "operator.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .Chart.Name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "operator.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "operator.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress]
  {{- $isAsked := include "operator.webhookKinds" . }}
  {{- if or .Values.networkPolicy.metricsFrom $isAsked }}
  ingress:
    {{- with .Values.networkPolicy.metricsFrom }}
    - ports:
        - port: http
      from:
        {{- toYaml . | nindent 8 }}
    {{- end }}
    {{- if $isAsked }}
    - ports:
        - port: webhook
      {{- with .Values.networkPolicy.apiServers }}
      from:
        {{- range . }}
        - ipBlock: { cidr: {{ . | quote }} }
        {{- end }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end -}}
