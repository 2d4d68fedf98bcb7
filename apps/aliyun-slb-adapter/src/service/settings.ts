import { own, type Service } from '@kuperator/api';
import { durationMsOf, type Refusal } from '@kuperator/resourceconsist';

/** Annotations of this adapter on a Service. */
const PREFIX = 'slb.resource-consist.kusionstack.io/';
export const MODE = `${PREFIX}mode`;
export const LOAD_BALANCER_ID = `${PREFIX}load-balancer-id`;
export const PRODUCT = `${PREFIX}product`;
export const SERVER_GROUPS = `${PREFIX}server-groups`;
export const DRAIN_TIME = `${PREFIX}drain-time`;
export const WEIGHT = `${PREFIX}weight`;
export const REMOVE_LAST = `${PREFIX}remove-last`;

/** Label and annotations of Alibaba Cloud's cloud-controller-manager. */
const CLOUD_PREFIX = 'service.beta.kubernetes.io/';
export const CLOUD_ID_LABEL = 'service.k8s.alibaba/loadbalancer-id';
export const CLOUD_ID = `${CLOUD_PREFIX}alibaba-cloud-loadbalancer-id`;
export const CLOUD_GROUP_PORTS = `${CLOUD_PREFIX}alibaba-cloud-loadbalancer-vgroup-port`;
export const CLOUD_HEALTH_CHECK = `${CLOUD_PREFIX}alibaba-cloud-loadbalancer-health-check-flag`;
const NLB_CLASS = 'alibabacloud.com/nlb';

/** Everything on a Service that the adapter reads, beside what the framework keeps. */
export const ANNOTATIONS: ReadonlySet<string> = new Set([
  MODE,
  LOAD_BALANCER_ID,
  PRODUCT,
  SERVER_GROUPS,
  DRAIN_TIME,
  WEIGHT,
  REMOVE_LAST,
  CLOUD_ID,
  CLOUD_GROUP_PORTS,
  CLOUD_HEALTH_CHECK,
]);

export type ServicePort = {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly nodePort?: number;
  readonly protocol?: string;
};

/** A server group that gets the Pods of a managed Service on one of its ports. */
export type ManagedGroup = { readonly group: string; readonly targetPort: number | string };

/** What a Service asks the adapter for. */
export type SlbSettings = {
  readonly product: 'clb' | 'nlb';
  /** Undefined if the Service has none, or none yet. */
  readonly loadBalancer: string | undefined;
  /** The load balancer checks the health of its servers. */
  readonly hasHealthCheck: boolean;
  /** Of a Service whose backends the adapter manages; undefined if it observes them. */
  readonly managed: ManagedSettings | undefined;
};
export type ManagedSettings = {
  readonly groups: readonly ManagedGroup[];
  /** How long a server keeps its connections without getting new ones, before it is removed. */
  readonly drainMs: number;
  readonly weight: number;
  /** The last healthy server of a group may be removed, too. */
  readonly removesLast: boolean;
};

/** Reason of the Event about an annotation that cannot be used. */
export const INVALID_ANNOTATION = 'InvalidSlbAnnotation';

export const DEFAULT_DRAIN_MS = 15_000;
const MAX_DRAIN_MS = 600_000;
const DEFAULT_WEIGHT = 100;

/**
 * Reads the settings of a Service.
 * @returns `problems`: one for each annotation that cannot be used, with its value and what is allowed
 */
export function settingsOf(service: Service): {
  readonly settings: SlbSettings;
  readonly problems: readonly Refusal[];
} {
  const problems: Refusal[] = [];
  const annotation = (name: string) => own(service.metadata.annotations, name) || undefined;
  const invalid = (name: string, allowed: string): undefined => {
    const message = `annotation ${name} is ${JSON.stringify(annotation(name))}: allowed is ${allowed}`;
    problems.push({ reason: INVALID_ANNOTATION, message });
    return undefined;
  };
  const mode = annotation(MODE) ?? 'observe';
  if (mode !== 'observe' && mode !== 'managed' && mode !== 'off') invalid(MODE, 'observe, managed or off');
  const product = annotation(PRODUCT) ?? (service.spec.loadBalancerClass === NLB_CLASS ? 'nlb' : 'clb');
  if (product !== 'clb' && product !== 'nlb') invalid(PRODUCT, 'clb or nlb');
  const isRefused = mode === 'managed' && isCloudControlled(service);
  if (isRefused) {
    problems.push({
      reason: 'ManagedByCloudController',
      message: `annotation ${MODE} is "managed", but the cloud-controller-manager moves the backends of a Service of type LoadBalancer with class ${JSON.stringify(service.spec.loadBalancerClass ?? '')}, so its traffic is only observed: use type ClusterIP or another loadBalancerClass, or mode "observe"`,
    });
  }
  const managed = mode === 'managed' && !isRefused ? managedOf(service, { annotation, invalid, problems }) : undefined;
  return {
    settings: {
      product: product === 'nlb' ? 'nlb' : 'clb',
      loadBalancer:
        annotation(LOAD_BALANCER_ID) ??
        (own(service.metadata.labels, CLOUD_ID_LABEL) || undefined) ??
        annotation(CLOUD_ID),
      hasHealthCheck: annotation(CLOUD_HEALTH_CHECK) !== 'off',
      managed,
    },
    problems,
  };
}

type Reader = {
  annotation(name: string): string | undefined;
  invalid(name: string, allowed: string): undefined;
  readonly problems: Refusal[];
};

function managedOf(service: Service, { annotation, invalid, problems }: Reader): ManagedSettings {
  if (!annotation(LOAD_BALANCER_ID)) {
    problems.push({
      reason: INVALID_ANNOTATION,
      message: `annotation ${LOAD_BALANCER_ID} is missing: in mode "managed" it names the load balancer`,
    });
  }
  const drain = annotation(DRAIN_TIME);
  const drainMs = drain === undefined ? DEFAULT_DRAIN_MS : durationMsOf(drain);
  if (drainMs === undefined || drainMs > MAX_DRAIN_MS) {
    invalid(DRAIN_TIME, 'a duration from 0s to 10m, such as 15s or 1m30s');
  }
  const weight = annotation(WEIGHT);
  if (weight !== undefined && !/^([1-9][0-9]?|100)$/.test(weight)) invalid(WEIGHT, 'a whole number from 1 to 100');
  const removesLast = annotation(REMOVE_LAST) ?? 'false';
  if (removesLast !== 'true' && removesLast !== 'false') invalid(REMOVE_LAST, 'true or false');
  return {
    groups: groupsOf(service, { annotation, invalid, problems }),
    drainMs: drainMs ?? DEFAULT_DRAIN_MS,
    weight: Number(weight ?? DEFAULT_WEIGHT),
    removesLast: removesLast === 'true',
  };
}

/** `<name or number of a Service's port>:<id of a server group, or "default">`, separated by commas. */
function groupsOf(service: Service, { annotation, invalid }: Reader): readonly ManagedGroup[] {
  const text = annotation(SERVER_GROUPS) ?? '';
  const ports = portsOf(service);
  const allowed = `<port of the Service>:<server group> for each of its ports that the load balancer serves, separated by commas, e.g. ${ports[0]?.name ?? ports[0]?.port ?? 'http'}:rsp-abc`;
  const groups = text.split(',').map((part) => {
    const [port = '', group = '', ...rest] = part.trim().split(':');
    const found = ports.find((known) => known.name === port || String(known.port) === port);
    if (!found || !/^[a-zA-Z0-9-]{1,64}$/.test(group) || rest.length > 0) return undefined;
    return { group, targetPort: found.targetPort ?? found.port };
  });
  const valid = groups.filter((group) => group !== undefined);
  const isUnique = new Set(valid.map(({ group }) => group)).size === valid.length;
  if (valid.length < groups.length || !isUnique) invalid(SERVER_GROUPS, allowed);
  return valid;
}

export function portsOf({ spec }: Service): readonly ServicePort[] {
  return Array.isArray(spec.ports) ? (spec.ports as ServicePort[]) : [];
}

/** Whether Alibaba Cloud's controller moves the backends of the Service. */
export function isCloudControlled({ spec }: Service): boolean {
  const { type, loadBalancerClass } = spec;
  return type === 'LoadBalancer' && (!loadBalancerClass || String(loadBalancerClass).startsWith('alibabacloud.com/'));
}

/** Ids of the groups that the Service's owner has chosen for the cloud controller, e.g. `rsp-a:80,rsp-b:443`. */
export function chosenGroupsOf(service: Service): ReadonlySet<string> {
  const text = own(service.metadata.annotations, CLOUD_GROUP_PORTS) ?? '';
  return new Set(
    text
      .split(',')
      .map((part) => part.split(':')[0]?.trim() ?? '')
      .filter(Boolean),
  );
}
