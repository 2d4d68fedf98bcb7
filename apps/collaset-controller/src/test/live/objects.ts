import { INSTANCE_ID_LABEL, type KubeObject, type Pod } from '@kuperator/api';

/** An image whose Pods do not become ready. */
export const BAD = 'app:non-exist';

/** A finalizer that keeps a Pod in traffic, as a traffic controller would set it. */
export const HOLD = 'prot.podopslifecycle.kusionstack.io/test';

type TemplateChanges = Partial<Pod['spec']['containers'][number]> & { readonly spec?: object };

/** The Pod template of a set. `spec` is added to the Pod spec, and the other fields to its container. */
export function template(name: string, image: string, { spec = {}, ...container }: TemplateChanges = {}) {
  const usual = { name: 'app', image, env: [{ name: 'test', value: 'foo' }] };
  return {
    metadata: { labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ ...usual, ...container }], ...spec },
  };
}

/** A spec with one claim template `data`. */
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

/** Name of the claim that the Pod mounts as `data`. */
export function claimOf(pod: Pod | undefined): string | undefined {
  return pod?.spec.volumes?.find(({ name }) => name === 'data')?.persistentVolumeClaim?.claimName;
}
