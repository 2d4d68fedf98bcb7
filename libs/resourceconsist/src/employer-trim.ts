import {
  type KubeObject,
  type ObjectMeta,
  TRAFFIC_OFF_HOLD_ANNOTATION,
  TRAFFIC_ON_HOLD_ANNOTATION,
} from '@kuperator/api';
import { ownershipOf } from './ownership.ts';

const HOLDS = [TRAFFIC_OFF_HOLD_ANNOTATION, TRAFFIC_ON_HOLD_ANNOTATION];

/**
 * The metadata of an employer that the framework reads, for an informer that trims employers.
 * @param keep.annotations those that the adapter itself reads
 * @param keep.finalizers true if the adapter moves traffic: then the framework writes the whole list
 */
export function trimmedMetadata(
  { metadata }: KubeObject,
  keep: { readonly annotations?: ReadonlySet<string>; readonly finalizers?: boolean } = {},
): ObjectMeta {
  const { name = '', namespace = '', uid = '', resourceVersion = '', labels, deletionTimestamp } = metadata;
  const { annotations: owned, finalizers: clean } = ownershipOf({ metadata });
  const kept = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => HOLDS.includes(key) || keep.annotations?.has(key),
  );
  const annotations = { ...owned, ...Object.fromEntries(kept) };
  const finalizers = keep.finalizers ? metadata.finalizers : clean;
  return {
    name,
    namespace,
    uid,
    resourceVersion,
    ...(labels ? { labels } : {}),
    ...(finalizers ? { finalizers } : {}),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    ...(deletionTimestamp ? { deletionTimestamp } : {}),
  };
}
