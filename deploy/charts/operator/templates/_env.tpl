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
{{- include "operator.aliyunEnv" . }}
{{- include "operator.webhookEnv" . }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Settings of the aliyun-slb-adapter. */}}
{{- define "operator.aliyunEnv" -}}
{{- with .Values.aliyun }}
- name: ALIYUN_REGION
  value: {{ required "aliyun.region is empty: set the region of the load balancers, e.g. --set aliyun.region=cn-hangzhou" .region | quote }}
{{- range $product, $endpoint := .endpoints }}
{{- if $endpoint }}
- name: ALIYUN_{{ upper $product }}_ENDPOINT
  value: {{ $endpoint | quote }}
{{- end }}
{{- end }}
{{- if .credentials.secretName }}
- name: ALIYUN_CREDENTIALS_DIR
  value: /etc/kuperator/aliyun-credentials
{{- else }}
- name: ALIBABA_CLOUD_ROLE_ARN
  value: {{ required "aliyun.credentials is empty: set aliyun.credentials.secretName, or aliyun.credentials.rrsa.roleArn and aliyun.credentials.rrsa.oidcProviderArn" .credentials.rrsa.roleArn | quote }}
- name: ALIBABA_CLOUD_OIDC_PROVIDER_ARN
  value: {{ required "aliyun.credentials.rrsa.oidcProviderArn is empty: set the OIDC provider of the cluster" .credentials.rrsa.oidcProviderArn | quote }}
- name: ALIBABA_CLOUD_OIDC_TOKEN_FILE
  value: /var/run/secrets/kuperator/rrsa/token
{{- end }}
{{- with .managedLoadBalancers }}
- name: ALIYUN_MANAGED_LOAD_BALANCERS
  value: {{ join "," . | quote }}
{{- end }}
- name: ALIYUN_QUOTA_PERCENT
  value: {{ .quotaPercent | int64 | quote }}
- name: ALIYUN_BATCH_SIZE
  value: {{ .batchSize | int64 | quote }}
{{- end }}
{{- end -}}

{{/* Whether Alibaba Cloud gives the operator keys for a token of its ServiceAccount. */}}
{{- define "operator.hasRrsaToken" -}}
{{- with .Values.aliyun }}
{{- if not .credentials.secretName }}true{{ end }}
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
{{- with .Values.aliyun }}
{{- with .credentials.secretName }}
aliyun-credentials: {{ . | quote }}
{{- end }}
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
{{- $secrets := include "operator.secretVolumes" . | fromYaml }}
{{- $hasToken := include "operator.hasRrsaToken" . }}
{{- if or $secrets $hasToken -}}
volumes:
{{- range $volume, $secret := $secrets }}
  - name: {{ $volume }}
    secret: { secretName: {{ $secret | quote }} }
{{- end }}
{{- if $hasToken }}
  - name: rrsa-token
    projected:
      sources:
        - serviceAccountToken: { audience: sts.aliyuncs.com, expirationSeconds: 3600, path: token }
{{- end }}
{{- end }}
{{- end -}}

{{- define "operator.volumeMounts" -}}
{{- $secrets := include "operator.secretVolumes" . | fromYaml }}
{{- $hasToken := include "operator.hasRrsaToken" . }}
{{- if or $secrets $hasToken -}}
volumeMounts:
{{- range $volume, $_ := $secrets }}
  - name: {{ $volume }}
    mountPath: /etc/kuperator/{{ $volume }}
    readOnly: true
{{- end }}
{{- if $hasToken }}
  - name: rrsa-token
    mountPath: /var/run/secrets/kuperator/rrsa
    readOnly: true
{{- end }}
{{- end }}
{{- end -}}
