#!/usr/bin/env bash
# Moves a cluster from the Go implementation of Kuperator to this one, and back, without losing a CollaSet, Pod or claim.
# See docs/guides/take-over-from-go.md.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: take-over.sh check   --release NAME --namespace NAMESPACE
       take-over.sh from-go --release NAME --namespace NAMESPACE [--yes]
       take-over.sh to-go   --release NAME --namespace NAMESPACE --chart CHART [--yes] [-- HELM ARGUMENTS]

check     checks whether the Go release can be taken over; changes nothing
from-go   stops the Go manager, takes over the definitions and removes the rest of the Go release
to-go     removes the operators of this implementation and installs the Go chart over the existing definitions

--release, --namespace   the Helm release of the Go implementation
--chart                  the Go chart, in any form that `helm install` accepts
--crds-chart             our chart of the definitions (default: deploy/charts/crds beside this script)
--our-namespace          the namespace of our releases (default: kuperator-system)
--allow-unserved         continue even if there are objects of kinds that no operator here serves
--yes                    make the changes; without it, the script only prints what it would do

The script needs kubectl and helm (3.17 or newer), and uses the current context. The environment variables
KUBECTL and HELM name other programs.
TEXT
}

KUBECTL=${KUBECTL:-kubectl}
HELM=${HELM:-helm}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
crds_chart=$here/charts/crds
crds_release=crds
our_namespace=kuperator-system
operators='collaset-controller podopslifecycle-coordinator podtransitionrule-engine endpointslice-adapter'
# Kinds that have no operator here yet.
unserved='poddecorations operationjobs'
group=apps.kusionstack.io
release='' namespace='' chart='' yes='' allow_unserved=''
helm_arguments=()

fail() { echo "take-over: $*" >&2; exit 1; }
say() { echo "take-over: $*"; }

# Runs a command, or without --yes prints what it would do.
act() {
  local what=$1
  shift
  if [[ -z $yes ]]; then
    say "would $what"
  else
    say "$what"
    "$@"
  fi
}

command=${1:-}
case $command in
  check | from-go | to-go) shift ;;
  -h | --help | help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
while (($#)); do
  case $1 in
    --release | --namespace | --chart | --crds-chart | --our-namespace)
      (($# > 1)) || fail "$1 needs a value"
      name=${1#--}
      printf -v "${name//-/_}" '%s' "$2"
      shift 2
      ;;
    --allow-unserved) allow_unserved=yes; shift ;;
    --yes) yes=yes; shift ;;
    --) shift; helm_arguments=("$@"); break ;;
    -h | --help) usage; exit 0 ;;
    *) fail "unknown argument $1" ;;
  esac
done
[[ -n $release && -n $namespace ]] || fail '--release and --namespace of the Go implementation are required'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# ---- reading the cluster

helm_major() { "$HELM" version --template '{{.Version}}' | sed 's/^v\([0-9]*\).*/\1/'; }

# Prints a line `resource namespace name` for each object of a release in the cluster; `-` stands for no namespace.
objects_of() {
  # The context sets the namespace, because a namespace given as a flag must be that of every object.
  "$KUBECTL" config view --raw --flatten --minify >"$scratch/kubeconfig"
  "$KUBECTL" --kubeconfig="$scratch/kubeconfig" config set-context --current --namespace="$2" >/dev/null
  "$HELM" get manifest "$1" --namespace "$2" |
    "$KUBECTL" --kubeconfig="$scratch/kubeconfig" get --ignore-not-found --filename=- \
    --output=go-template='{{define "line"}}{{.kind}} {{.apiVersion}} {{or .metadata.namespace "-"}} {{.metadata.name}}{{"\n"}}{{end}}{{if .items}}{{range .items}}{{template "line" .}}{{end}}{{else if .kind}}{{template "line" .}}{{end}}' |
    while read -r kind version ns name; do
      case $version in
        */*) echo "$kind.${version#*/}.${version%/*} $ns $name" ;;
        *) echo "$kind $ns $name" ;;
      esac
    done
}

definitions() {
  "$KUBECTL" get customresourcedefinitions --output=go-template='{{range .items}}{{.spec.group}} {{.metadata.name}}{{"\n"}}{{end}}' |
    sed -n "s/^$group //p"
}

# Prints the configurations whose webhooks the Go manager serves: those of the release, and those that name its Services.
webhook_configurations() {
  local kind
  sed -n 's/^\(MutatingWebhookConfiguration\|ValidatingWebhookConfiguration\)[^ ]* - /\1 /p' <<<"$go_objects"
  for kind in MutatingWebhookConfiguration ValidatingWebhookConfiguration; do
    "$KUBECTL" get "$kind" --output=go-template='{{range .items}}{{$name := .metadata.name}}{{range .webhooks}}{{with .clientConfig.service}}{{.namespace}} {{.name}} {{$name}}{{"\n"}}{{end}}{{end}}{{end}}' |
      while read -r ns service name; do
        if [[ $ns == "$namespace" ]] && grep -qx "Service $ns $service" <<<"$go_objects"; then echo "$kind $name"; fi
      done
  done
}

# Prints the CollaSets without replicas: Go reads that as 0, our definition as 1.
silent_sets() {
  "$KUBECTL" get "collasets.$group" --all-namespaces --output=go-template='{{range .items}}{{if eq (printf "%v" .spec.replicas) "<no value>" "<nil>"}}{{.metadata.namespace}} {{.metadata.name}}{{"\n"}}{{end}}{{end}}'
}

# Prints everything that must not be lost, with its uid.
precious() {
  local resource
  for resource in $(definitions) persistentvolumeclaims controllerrevisions.apps pods; do
    local selector=()
    [[ $resource != pods ]] || selector=(--selector=kusionstack.io/control=true)
    "$KUBECTL" get "$resource" --all-namespaces "${selector[@]}" --output=go-template='{{range .items}}{{.kind}} {{.metadata.namespace}}/{{.metadata.name}} {{.metadata.uid}}{{"\n"}}{{end}}'
  done | sort
}

# ---- checks

check() {
  local found version definition stored resource count problems=0
  problem() { echo "take-over: $*" >&2; problems=$((problems + 1)); }
  command -v "$KUBECTL" >/dev/null || fail "cannot find $KUBECTL"
  command -v "$HELM" >/dev/null || fail "cannot find $HELM"
  "$HELM" install --help | grep -q -- --take-ownership || fail 'helm 3.17 or newer is required: this helm has no --take-ownership'
  "$HELM" status "$release" --namespace "$namespace" >/dev/null || fail "namespace $namespace has no release $release"
  go_objects=$(objects_of "$release" "$namespace")
  found=$(grep -c "^CustomResourceDefinition[^ ]* - .*\.$group\$" <<<"$go_objects" || true)
  [[ $found -gt 0 ]] || problem "the release $release has no definitions of $group: is it the Go implementation?"
  "$HELM" get manifest "$release" --namespace "$namespace" | grep -E 'kind"?: *"?Deployment' >/dev/null ||
    problem "the release $release has no Deployment"
  for definition in $(definitions); do
    stored=$("$KUBECTL" get customresourcedefinition "$definition" --output=jsonpath='{.status.storedVersions}')
    [[ $stored == '["v1alpha1"]' ]] || problem "objects of $definition are stored as $stored, but this implementation knows only v1alpha1"
  done
  "$HELM" template "$crds_release" "$crds_chart" |
    "$KUBECTL" apply --server-side --force-conflicts --dry-run=server --filename=- >/dev/null ||
    problem 'the API server refuses our definitions'
  for resource in $unserved; do
    definitions | grep -qx "$resource.$group" || continue
    count=$("$KUBECTL" get "$resource.$group" --all-namespaces --output=name | wc -l)
    [[ $count -eq 0 || -n $allow_unserved ]] ||
      problem "there are $count $resource, but no operator here serves them; use --allow-unserved to continue"
  done
  ((problems == 0)) || fail "$problems problems; nothing was changed"
  for resource in $(definitions); do
    say "$("$KUBECTL" get "$resource" --all-namespaces --output=name | wc -l) objects of $resource stay as they are"
  done
}

# ---- from Go to this implementation

stop_deployment() {
  "$KUBECTL" scale deployment "$2" --namespace "$1" --replicas=0 >/dev/null
  local left
  for _ in $(seq 300); do
    left=$("$KUBECTL" get deployment "$2" --namespace "$1" --output=jsonpath='{.status.replicas}')
    [[ ${left:-0} -eq 0 ]] && return
    sleep 1
  done
  fail "the Deployment $1/$2 still has Pods; run this script again when they are gone"
}

take_definitions() {
  local flags=(--take-ownership)
  # Helm 4 uses server-side apply, where a field belongs to the first writer.
  [[ $(helm_major) -ge 4 ]] && flags+=(--force-conflicts)
  "$HELM" upgrade --install "$crds_release" "$crds_chart" --namespace "$our_namespace" --create-namespace "${flags[@]}" >/dev/null
}

remove_object() {
  local resource=$1 ns=$2 name=$3
  local scope=()
  [[ $ns == - ]] || scope=(--namespace "$ns")
  "$KUBECTL" delete "$resource" "$name" "${scope[@]}" --ignore-not-found >/dev/null
}

forget_release() {
  "$KUBECTL" delete secrets,configmaps --namespace "$namespace" --selector "owner=helm,name=$release" >/dev/null
}

from_go() {
  local resource ns name kind
  check
  local before
  before=$(precious)
  while read -r resource ns name; do
    if [[ $resource == Deployment* ]]; then act "scale the Deployment $ns/$name to 0 and wait until its Pods are gone" stop_deployment "$ns" "$name"; fi
  done <<<"$go_objects"
  while read -r kind name; do
    [[ -z $kind ]] || act "delete $kind $name, whose webhooks no process answers now" "$KUBECTL" delete "$kind" "$name" --ignore-not-found
  done < <(webhook_configurations | sort -u)
  while read -r ns name; do
    [[ -z $ns ]] || act "write replicas: 0 into the CollaSet $ns/$name, which does not set replicas and would get a Pod here" \
      "$KUBECTL" patch "collasets.$group" "$name" --namespace "$ns" --type=merge --patch '{"spec":{"replicas":0}}'
  done < <(silent_sets)
  act "install our definitions as release $our_namespace/$crds_release, which takes over the existing definitions" take_definitions
  while read -r resource ns name; do
    case $resource in
      # Objects of users depend on these.
      CustomResourceDefinition* | Namespace | PersistentVolume*) ;;
      *) act "delete $resource $name" remove_object "$resource" "$ns" "$name" ;;
    esac
  done <<<"$go_objects"
  # Never `helm uninstall`: up to Helm 3 it deletes everything that the release ever had, so also the definitions, and with them every CollaSet.
  act "delete Helm's record of the release $namespace/$release" forget_release
  lost "$before"
  say "now install the operators: see docs/guides/take-over-from-go.md"
}

# ---- back to Go

uninstall() { "$HELM" uninstall "$1" --namespace "$our_namespace" --wait >/dev/null; }

install_go() {
  local flags=(--take-ownership)
  [[ $(helm_major) -ge 4 ]] && flags+=(--force-conflicts)
  "$HELM" upgrade --install "$release" "$chart" --namespace "$namespace" --create-namespace "${flags[@]}" "${helm_arguments[@]}" >/dev/null
}

kept_by_policy() {
  "$HELM" get manifest "$crds_release" --namespace "$our_namespace" |
    awk '/^kind: CustomResourceDefinition/ { definitions++ } /helm.sh\/resource-policy: keep/ { kept++ } END { exit definitions != kept }'
}

to_go() {
  [[ -n $chart ]] || fail '--chart of the Go implementation is required'
  "$HELM" template "$release" "$chart" --namespace "$namespace" "${helm_arguments[@]}" >/dev/null || fail "cannot render $chart"
  local installed app before
  installed=$("$HELM" list --namespace "$our_namespace" --short)
  for app in $operators; do
    if grep -qx "$app" <<<"$installed"; then act "uninstall $app" uninstall "$app"; fi
  done
  before=$(precious)
  if grep -qx "$crds_release" <<<"$installed"; then
    kept_by_policy || fail "the release $crds_release has definitions without helm.sh/resource-policy: keep"
    act "uninstall $crds_release, which keeps the definitions" uninstall "$crds_release"
  fi
  act "install $chart as release $namespace/$release, which takes over the definitions" install_go
  lost "$before"
}

# Fails if an object that existed before is missing now.
lost() {
  [[ -n $yes ]] || return 0
  local missing
  missing=$(comm -23 <(echo "$1") <(precious))
  [[ -z $missing ]] || fail "these objects are missing now:"$'\n'"$missing"
  say 'every object, revision, Pod and claim is still there'
}

case $command in
  check) check; say 'the release can be taken over' ;;
  from-go) from_go ;;
  to-go) to_go ;;
esac
