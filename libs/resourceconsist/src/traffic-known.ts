import { apiVersionOf, type KubeObject, type Resource, TRAFFIC_KNOWN_CONDITION } from '@kuperator/api';
import { type Clock, type KubeClient, NotFoundError, systemClock } from '@kuperator/runtime';

const MAX_MESSAGE = 2000;

type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
};

/**
 * For `recordError` of an adapter: says in the condition `resource-consist.kusionstack.io/TrafficKnown` of an employer what keeps the adapter
 * from its work, and that it does so no longer. Pods that wait name it as the cause. An employer that never had a problem gets no
 * condition. It writes only what differs from the conditions of the employer it is given, so an informer must keep these.
 * @param options.adapter name of the adapter, which owns the condition
 */
export function trafficKnownRecorder<E extends KubeObject & { status?: Record<string, unknown> }>(options: {
  readonly adapter: string;
  readonly resource: Resource<E>;
  readonly client: Pick<KubeClient, 'patch'>;
  readonly clock?: Clock;
}): (employer: E, problem: string | undefined) => Promise<void> {
  const { adapter, resource, client, clock = systemClock } = options;
  return async (employer, problem) => {
    const present = conditionOf(employer);
    const status = problem === undefined ? 'True' : 'False';
    const message = (problem ?? '').slice(0, MAX_MESSAGE);
    if (present ? present.status === status && present.message === message : problem === undefined) return;
    const { name = '', namespace = '' } = employer.metadata;
    const condition: Condition = {
      type: TRAFFIC_KNOWN_CONDITION,
      status,
      reason: problem === undefined ? 'Known' : 'SyncFailed',
      message,
      lastTransitionTime:
        present?.status === status
          ? present.lastTransitionTime
          : `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
    };
    const body = {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: { name, namespace },
      status: { conditions: [condition] },
    };
    try {
      // Applied, so that the conditions of others stay.
      const patch = { type: 'apply', body, fieldManager: adapter, force: true, subresource: 'status' } as const;
      await client.patch(resource, { namespace, name }, patch);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  };
}

function conditionOf({ status }: { status?: Record<string, unknown> }): Condition | undefined {
  const conditions = (status?.conditions ?? []) as readonly Condition[];
  return conditions.find(({ type }) => type === TRAFFIC_KNOWN_CONDITION);
}
