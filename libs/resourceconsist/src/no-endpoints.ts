import type { Service } from '@kuperator/api';
import type { Refusal } from './adapter.ts';

/** For `refuses` of an adapter of Services: the refusal of one that selects no Pods. */
export function noEndpoints({ spec }: Service): Refusal | undefined {
  const isExternal = spec.type === 'ExternalName';
  if (!isExternal && Object.keys(spec.selector ?? {}).length > 0) return undefined;
  return {
    reason: 'NoEndpoints',
    message: `a Service ${isExternal ? 'of type ExternalName' : 'without selector'} has no Pods: label kusionstack.io/control has no effect`,
  };
}
