import { type Container, own, type PodSpec } from '@kuperator/api';
import { canonicalQuantity, nanosOf } from '../revision/quantity.ts';

type Amounts = Readonly<Record<string, string>>;
/** The requests and limits of a container that can be resized. */
export type Resources = { readonly requests: Amounts; readonly limits: Amounts };
/** A container's new resources, by its name. */
export type Resize = { readonly name: string; readonly resources: Resources };

/** The resources that `pods/resize` can change. */
const RESIZABLE = ['cpu', 'memory'] as const;

/** Requests and limits of CPU and memory with the API server's default: a missing request equals its limit. */
export function resizableOf({ resources }: Pick<Container, 'resources'>): Resources {
  const limits = amountsOf(resources?.limits);
  return { requests: { ...limits, ...amountsOf(resources?.requests) }, limits };
}

function amountsOf(amounts: Amounts = {}): Amounts {
  return Object.fromEntries(
    RESIZABLE.flatMap((name) => (amounts[name] === undefined ? [] : [[name, String(amounts[name])]])),
  );
}

/** A container without the fields that a resize can change. */
export function withoutResizable(container: Container): Container {
  const { resources, ...others } = container;
  if (!resources) return container;
  const rest = (amounts: Amounts = {}) =>
    Object.fromEntries(Object.entries(amounts).filter(([name]) => !RESIZABLE.some((resizable) => resizable === name)));
  return {
    ...others,
    resources: { ...resources, requests: rest(resources.requests), limits: rest(resources.limits) },
  };
}

/** True if the init container is a sidecar, which runs as long as the Pod. */
export function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always';
}

/** The containers that run as long as the Pod. Only these can change in place. */
export function runningContainers(spec: Pick<PodSpec, 'containers' | 'initContainers'>): readonly Container[] {
  return [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
}

/** The containers of `to` whose CPU or memory differs from `from`. Both specs must have the same containers in the same order. */
export function resizesBetween(from: PodSpec, to: PodSpec): readonly Resize[] {
  const before = runningContainers(from);
  return runningContainers(to).flatMap((container, index) => {
    const old = resizableOf(before[index] ?? {});
    const resources = resizableOf(container);
    return includes(old, resources) && includes(resources, old) ? [] : [{ name: container.name, resources }];
  });
}

/** Why the API server would refuse the resize; undefined if it would not. */
export function resizeObstacle(from: PodSpec, to: PodSpec): string | undefined {
  const before = runningContainers(from);
  for (const [index, container] of runningContainers(to).entries()) {
    const old = resizableOf(before[index] ?? {});
    const resources = resizableOf(container);
    for (const kind of ['requests', 'limits'] as const) {
      const dropped = Object.keys(old[kind]).find((name) => !Object.hasOwn(resources[kind], name));
      if (dropped) return `container ${container.name} drops its ${kind} of ${dropped}`;
    }
  }
  return qosOf(from) === qosOf(to) ? undefined : `the QoS class of the Pod would become ${qosOf(to)}`;
}

/** @see Kubernetes, Pod Quality of Service Classes */
function qosOf({ containers, initContainers = [] }: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const all = [...containers, ...initContainers].map(resizableOf);
  if (all.every(({ requests }) => Object.keys(requests).length === 0)) return 'BestEffort';
  const isGuaranteed = all.every(({ requests, limits }) =>
    RESIZABLE.every((name) => limits[name] !== undefined && sameAmount(limits[name], requests[name])),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}

/** True if `actual` has every amount in `wanted`. */
export function includes(actual: Container['resources'], wanted: Resources): boolean {
  return (['requests', 'limits'] as const).every((kind) =>
    Object.entries(wanted[kind]).every(([name, amount]) => sameAmount(own(actual?.[kind], name), amount)),
  );
}

function sameAmount(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && canonicalQuantity(a) === canonicalQuantity(b);
}

/** The total amounts of a Pod, in nanos, by resource name. */
export type Total = ReadonlyMap<string, bigint>;

/**
 * The total amounts of a Pod as the scheduler and quotas count them: the sum over its containers and sidecars, or its largest init container
 * if that is more. A missing request equals its limit.
 */
export function totalOf(spec: PodSpec, kind: 'requests' | 'limits'): Total {
  const amountsIn = ({ resources }: { readonly resources?: Container['resources'] | undefined }): Amounts =>
    kind === 'limits' ? (resources?.limits ?? {}) : { ...resources?.limits, ...resources?.requests };
  const total = new Map<string, bigint>();
  for (const container of runningContainers(spec)) {
    for (const [name, amount] of Object.entries(amountsIn(container))) {
      total.set(name, (total.get(name) ?? 0n) + (nanosOf(amount) ?? 0n));
    }
  }
  const single = (spec.initContainers ?? []).filter((container) => !isSidecar(container)).map(amountsIn);
  // Resources at the level of the Pod replace those of its containers.
  const whole = amountsIn({ resources: spec.resources as Container['resources'] });
  for (const amounts of [...single, whole]) {
    for (const [name, amount] of Object.entries(amounts)) {
      const nanos = nanosOf(amount) ?? 0n;
      if (nanos > (total.get(name) ?? 0n)) total.set(name, nanos);
    }
  }
  return total;
}

/** True if a Pod of `to` asks for more of any resource than a Pod of `from`. */
export function asksForMore(from: PodSpec, to: PodSpec): boolean {
  return (['requests', 'limits'] as const).some((kind) => {
    const before = totalOf(from, kind);
    return [...totalOf(to, kind)].some(([name, nanos]) => nanos > (before.get(name) ?? 0n));
  });
}
