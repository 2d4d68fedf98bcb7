import { SERVICES, type Service } from '@kuperator/api';
import { type Clock, type KubeClient, NotFoundError } from '@kuperator/runtime';

/** False while the adapter cannot tell the traffic of the Service's Pods; its message is the cause. */
export const TRAFFIC_KNOWN = 'slb.resource-consist.kusionstack.io/TrafficKnown';
const FIELD_MANAGER = 'aliyun-slb-adapter';
const MAX_MESSAGE = 2000;

type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
};

/** Says on a Service's status what keeps the adapter from its work. A Service that never had a problem gets no condition. */
export class StatusCondition {
  readonly #client: Pick<KubeClient, 'patch'>;
  readonly #clock: Clock;

  constructor(client: Pick<KubeClient, 'patch'>, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** @param problem undefined after a pass without errors */
  async record(service: Service, problem: string | undefined): Promise<void> {
    const present = conditionOf(service);
    const status = problem === undefined ? 'True' : 'False';
    const message = (problem ?? '').slice(0, MAX_MESSAGE);
    if (present ? present.status === status && present.message === message : problem === undefined) return;
    const { name = '', namespace = '' } = service.metadata;
    const condition: Condition = {
      type: TRAFFIC_KNOWN,
      status,
      reason: problem === undefined ? 'Observed' : 'CloudError',
      message,
      lastTransitionTime:
        present?.status === status
          ? present.lastTransitionTime
          : new Date(this.#clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
    };
    const body = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      status: { conditions: [condition] },
    };
    try {
      // Applied, so that the conditions of others stay.
      await this.#client.patch(
        SERVICES,
        { namespace, name },
        { type: 'apply', body, fieldManager: FIELD_MANAGER, force: true },
        { subresource: 'status' },
      );
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
}

function conditionOf({ status }: Service): Condition | undefined {
  const conditions = (status?.conditions ?? []) as readonly Condition[];
  return conditions.find(({ type }) => type === TRAFFIC_KNOWN);
}
