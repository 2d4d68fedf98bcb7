import type { Pod, Service } from '@kuperator/api';
import { type Adapter, type EmployeeRecord, isLifecycleReady, SERVICE_EMPLOYERS } from '@kuperator/resourceconsist';
import type { Member, Registry } from './registry.ts';

/** How soon to ask again while members drain. */
const DRAIN_RECHECK_MS = 500;

/** A member, with the name of its Pod in the field where the framework looks for it. */
type MemberRecord = EmployeeRecord & Member;

/** Keeps the members of a Service in the registry in step with the Pods of that Service. */
export function httpRegistryAdapter(registry: Pick<Registry, 'members' | 'register' | 'drain'>): Adapter {
  return {
    name: 'http-registry-adapter',
    employers: SERVICE_EMPLOYERS,
    recheckMs: [200, 500, 1000, 5000],
    traffic: {
      employees: {
        // A Pod that is not ready has no member: the framework deletes what is not expected.
        expected: (_service, pods) => pods.filter((pod) => isLifecycleReady(pod) && pod.status?.podIP).map(memberFor),
        current: (service, _pods, { signal }) => registry.members(pathOf(service), signal),
        async create(service, members: readonly MemberRecord[], { signal }) {
          for (const member of members) await registry.register(pathOf(service), member, signal);
          return undefined;
        },
        // The address has changed, or the Pod is ready again before its drain has ended.
        async update(service, members: readonly MemberRecord[], { signal }) {
          for (const member of members) await registry.register(pathOf(service), member, signal);
          return undefined;
        },
        async delete(service, members: readonly MemberRecord[], { signal, recheckAfter }) {
          for (const { id, state } of members) {
            if (state === 'serving') await registry.drain(pathOf(service), id, signal);
          }
          recheckAfter(DRAIN_RECHECK_MS);
          // None has succeeded yet: its Pod waits until the registry no longer lists it.
          return { succeeded: [] };
        },
      },
    },
  };
}

function memberFor(pod: Pod): MemberRecord {
  const { uid = '', name = '' } = pod.metadata;
  // By uid, because a later Pod may have the same name.
  return { id: uid, podName: name, address: pod.status?.podIP ?? '', state: 'serving' };
}

function pathOf({ metadata }: Service): string {
  return `${metadata.namespace}/${metadata.name}`;
}
