import { INSTANCE_ID_LABEL, type KubeObject, type Pod } from '@kuperator/api';

/** An image no Pod gets ready with. */
export const BAD = 'app:non-exist';

/** A finalizer that holds a Pod, as a traffic controller would put it there. */
export const HOLD = 'prot.podopslifecycle.kusionstack.io/test';

/** Template of a set's Pods; `container` and `spec` say what is other than usual. */
export function template(
  name: string,
  image: string,
  container: Partial<Pod['spec']['containers'][number]> = {},
  spec: object = {},
) {
  const usual = { name: 'app', image, env: [{ name: 'test', value: 'foo' }] };
  return {
    metadata: { labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ ...usual, ...container }], ...spec },
  };
}

/** One claim `data` for each Pod. */
export function claims(storage = '1Mi', spec: object = {}) {
  const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, ...spec };
  return { volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claim }] };
}

export const partition = (count: number) => ({ rollingUpdate: { byPartition: { partition: count } } });
export const byLabel = { rollingUpdate: { byLabel: {}, byPartition: null } };
export const bySequence = { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' } };
export const whenScaledRetain = { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Retain' } };

export const idOf = ({ metadata }: KubeObject) => Number(metadata.labels?.[INSTANCE_ID_LABEL]);
export const nameOf = (object: KubeObject | undefined) => object?.metadata.name ?? '';
export const uids = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.uid);

/** The claim that is mounted as `data`. */
export function claimOf(pod: Pod | undefined): string | undefined {
  return pod?.spec.volumes?.find(({ name }) => name === 'data')?.persistentVolumeClaim?.claimName;
}
