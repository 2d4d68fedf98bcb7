import { jqTrue, stage } from './kwok-stage.ts';

/** Name of the provisioner of the default StorageClass, which KWOK simulates. */
const provisioner = 'kuperator.local/simulated';

/**
 * An external provisioner, like that of a CSI driver. The controller-manager asks for a volume by an annotation on the claim (after the
 * scheduler has chosen a node), gets a PersistentVolume and binds it. The controller-manager's own host-path provisioner would leave
 * folders on the disk when the cluster is removed.
 */
export const claimStages = [
  stage(
    {
      name: 'claim-provision',
      kind: 'PersistentVolumeClaim',
      match: [
        jqTrue(
          `.metadata.deletionTimestamp == null and .spec.volumeName == null and .metadata.annotations["volume.kubernetes.io/storage-provisioner"] == ${JSON.stringify(provisioner)}`,
        ),
      ],
    },
    {
      steps: [
        {
          apply: {
            template: `
{{ $spec := dict "accessModes" .spec.accessModes "capacity" (pick .spec.resources.requests "storage") "persistentVolumeReclaimPolicy" "Delete" "storageClassName" .spec.storageClassName "volumeMode" (or .spec.volumeMode "Filesystem") }}
{{ $_ := set $spec "claimRef" (dict "apiVersion" "v1" "kind" "PersistentVolumeClaim" "name" .metadata.name "namespace" .metadata.namespace "uid" .metadata.uid) }}
{{ $_ := set $spec "hostPath" (dict "path" (printf "/simulated/%s" .metadata.uid)) }}
{{ $metadata := dict "name" (printf "pvc-%s" .metadata.uid) "annotations" (dict "pv.kubernetes.io/provisioned-by" "${provisioner}") }}
{{ toJson (dict "apiVersion" "v1" "kind" "PersistentVolume" "metadata" $metadata "spec" $spec) }}`,
          },
        },
      ],
    },
  ),
  // Acts as the resizer of a driver. The volume keeps its old capacity, which no component reads.
  stage(
    {
      name: 'claim-expand',
      kind: 'PersistentVolumeClaim',
      match: [
        jqTrue(
          '.metadata.deletionTimestamp == null and .status.phase == "Bound" and .status.capacity.storage != .spec.resources.requests.storage',
        ),
      ],
    },
    {
      next: {
        patches: [
          {
            subresource: 'status',
            root: 'status',
            type: 'merge',
            template: '{{ toJson (dict "capacity" (dict "storage" .spec.resources.requests.storage)) }}',
          },
        ],
      },
    },
  ),
  stage(
    {
      name: 'volume-delete',
      kind: 'PersistentVolume',
      match: [
        jqTrue(
          `.metadata.deletionTimestamp == null and .status.phase == "Released" and .spec.persistentVolumeReclaimPolicy == "Delete" and .metadata.annotations["pv.kubernetes.io/provisioned-by"] == ${JSON.stringify(provisioner)}`,
        ),
      ],
    },
    { steps: [{ delete: true }] },
  ),
];

export const defaultStorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
  allowVolumeExpansion: true,
};
