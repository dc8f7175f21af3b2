{{- define "acrux.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "acrux.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "acrux.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "acrux.selectorLabels" . }}
{{- end }}

{{- define "acrux.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "acrux.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "acrux.image" -}}
{{- $repository := required "image.repository: set it to where you pushed the image" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end }}

{{- define "acrux.claim" -}}
{{- default (include "acrux.fullname" .) .Values.persistence.existingClaim -}}
{{- end }}

{{- /* Whether the pods keep nothing: "true" or empty. */}}
{{- define "acrux.stateless" -}}
{{- if and .Values.database.existingSecret .Values.masterKey.existingSecret .Values.config.storage -}}true{{- end -}}
{{- end }}

{{- /* The settings that the chart knows, under those of the values. */}}
{{- define "acrux.settings" -}}
{{- $settings := dict -}}
{{- $servers := .Values.loginServers -}}
{{- if and (not $servers) .Values.ingress.enabled -}}
{{- $servers = list .Values.ingress.host -}}
{{- end -}}
{{- if not $servers -}}
{{- fail "loginServers: name at least one, or enable the Ingress with a host: clients are sent there" -}}
{{- end -}}
{{- if and .Values.database.existingSecret (not .Values.config.shared_storage) -}}
{{- if not (and .Values.config.storage .Values.masterKey.existingSecret) -}}
{{- fail "database.existingSecret: other pods may use this database, so set config.storage and masterKey.existingSecret; or, if this is the only pod for ever, config.shared_storage" -}}
{{- end -}}
{{- end -}}
{{- $_ := set $settings "login_servers" $servers -}}
{{- if .Values.ingress.trustedProxies -}}
{{- $_ := set $settings "trusted_proxies" .Values.ingress.trustedProxies -}}
{{- end -}}
{{- toYaml (merge (deepCopy .Values.config) $settings) -}}
{{- end }}
