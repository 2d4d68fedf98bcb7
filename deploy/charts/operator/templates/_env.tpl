{{/* The environment that the operators' settings declare, and the files it names: libs/runtime/src/process/common-config.ts, libs/events/src/nats-config.ts. */}}
{{- define "operator.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef: { fieldPath: metadata.name }
- name: POD_NAMESPACE
  valueFrom:
    fieldRef: { fieldPath: metadata.namespace }
- name: HTTP_PORT
  value: "8080"
- name: LOG_LEVEL
  value: {{ .Values.logLevel }}
- name: CLUSTER_NAME
  value: {{ .Values.clusterName | quote }}
# Shorter than the kubelet's grace period (30 s).
- name: SHUTDOWN_GRACE_SECONDS
  value: "25"
{{- with .Values.watchNamespace }}
- name: WATCH_NAMESPACE
  value: {{ . | quote }}
{{- end }}
{{- with .Values.nats.url }}
- name: NATS_URL
  value: {{ . | quote }}
{{- end }}
{{- $secret := .Values.nats.credentials.secretName }}
{{- if $secret }}
{{- if eq .Values.nats.credentials.type "creds" }}
- name: NATS_CREDS_FILE
  value: /etc/kuperator/nats-credentials/nats.creds
{{- else if eq .Values.nats.credentials.type "nkey" }}
- name: NATS_NKEY_FILE
  value: /etc/kuperator/nats-credentials/nats.nk
{{- else if eq .Values.nats.credentials.type "token" }}
- name: NATS_TOKEN
  valueFrom:
    secretKeyRef: { name: {{ $secret | quote }}, key: token }
{{- else }}
- name: NATS_USER
  valueFrom:
    secretKeyRef: { name: {{ $secret | quote }}, key: user }
- name: NATS_PASSWORD
  valueFrom:
    secretKeyRef: { name: {{ $secret | quote }}, key: password }
{{- end }}
{{- end }}
{{- if .Values.nats.tls.caSecretName }}
- name: NATS_TLS_CA_FILE
  value: /etc/kuperator/nats-ca/ca.crt
{{- end }}
{{- if .Values.nats.tls.clientSecretName }}
- name: NATS_TLS_CERT_FILE
  value: /etc/kuperator/nats-client/tls.crt
- name: NATS_TLS_KEY_FILE
  value: /etc/kuperator/nats-client/tls.key
{{- end }}
{{- with .Values.nats.stream.replicas }}
- name: NATS_STREAM_REPLICAS
  value: {{ . | quote }}
{{- end }}
{{- with .Values.nats.stream.maxAgeHours }}
- name: NATS_STREAM_MAX_AGE_HOURS
  value: {{ . | quote }}
{{- end }}
{{- with .Values.nats.stream.maxMegabytes }}
- name: NATS_STREAM_MAX_MEGABYTES
  value: {{ . | quote }}
{{- end }}
{{- /* Settings of the collaset-controller. */}}
{{- if .Values.reclaimScaleStrategy }}
- name: RECLAIM_SCALE_STRATEGY
  value: "true"
{{- end }}
{{- /* Settings of the endpointslice-adapter. They are always written, because 0 switches a hold off. */}}
{{- with .Values.trafficHold }}
- name: TRAFFIC_OFF_HOLD_MS
  value: {{ .offMilliseconds | int64 | quote }}
- name: TRAFFIC_ON_HOLD_MS
  value: {{ .onMilliseconds | int64 | quote }}
{{- end }}
{{- include "operator.webhookEnv" . }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
For an operator with a value `webhook`: validating, mutating or both, by the configurations its chart has; empty where it serves
none. The chart defines "<chart name>.webhookKinds" and "<chart name>.webhookSecret".
*/}}
{{- define "operator.webhookKinds" -}}
{{- if .Values.webhook }}
{{- include (printf "%s.webhookKinds" .Chart.Name) . }}
{{- end }}
{{- end -}}

{{/* For an operator that has a webhook. */}}
{{- define "operator.webhookEnv" -}}
{{- $kinds := include "operator.webhookKinds" . }}
{{- with .Values.webhook }}
{{- if $kinds }}
- name: WEBHOOK_PORT
  value: "9443"
# After a replica is removed from its Service, nodes may still send requests to it for a moment.
- name: WEBHOOK_LINGER_SECONDS
  value: "3"
- name: WEBHOOK_HOLD_SECONDS
  value: {{ .holdSeconds | quote }}
- name: WEBHOOK_MAX_HELD
  value: {{ .maxHeld | quote }}
- name: CLUSTER_NEEDS_SECONDS
  value: {{ .clusterNeedsSeconds | quote }}
- name: WEBHOOK_SECRET
  value: {{ include (printf "%s.webhookSecret" $.Chart.Name) $ }}
- name: WEBHOOK_CONFIGURATION
  value: {{ include "operator.clusterName" $ }}
- name: WEBHOOK_CONFIGURATION_KINDS
  value: {{ $kinds }}
{{- if eq .certificates.from "cert-manager" }}
- name: WEBHOOK_CERT_DIR
  value: /etc/kuperator/webhook-certificate
{{- else }}
- name: WEBHOOK_SERVER_NAMES
  value: {{ $.Chart.Name }}-webhook.{{ $.Release.Namespace }}.svc
{{- end }}
{{- if .clientCertificates.caSecretName }}
- name: WEBHOOK_CLIENT_CA_FILE
  value: /etc/kuperator/webhook-client-ca/ca.crt
- name: WEBHOOK_CLIENT_NAMES
  value: {{ join "," .clientCertificates.names | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Secrets that are mounted: volume name to Secret name. */}}
{{- define "operator.secretVolumes" -}}
{{- if and .Values.nats.credentials.secretName (has .Values.nats.credentials.type (list "creds" "nkey")) }}
nats-credentials: {{ .Values.nats.credentials.secretName | quote }}
{{- end }}
{{- with .Values.nats.tls.caSecretName }}
nats-ca: {{ . | quote }}
{{- end }}
{{- with .Values.nats.tls.clientSecretName }}
nats-client: {{ . | quote }}
{{- end }}
{{- with .Values.webhook }}
{{- if and (include "operator.webhookKinds" $) (eq .certificates.from "cert-manager") }}
webhook-certificate: {{ $.Chart.Name }}-webhook
{{- end }}
{{- if and (include "operator.webhookKinds" $) .clientCertificates.caSecretName }}
webhook-client-ca: {{ .clientCertificates.caSecretName | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "operator.volumes" -}}
{{- with include "operator.secretVolumes" . | fromYaml -}}
volumes:
{{- range $volume, $secret := . }}
  - name: {{ $volume }}
    secret: { secretName: {{ $secret | quote }} }
{{- end }}
{{- end }}
{{- end -}}

{{- define "operator.volumeMounts" -}}
{{- with include "operator.secretVolumes" . | fromYaml -}}
volumeMounts:
{{- range $volume, $_ := . }}
  - name: {{ $volume }}
    mountPath: /etc/kuperator/{{ $volume }}
    readOnly: true
{{- end }}
{{- end }}
{{- end -}}
