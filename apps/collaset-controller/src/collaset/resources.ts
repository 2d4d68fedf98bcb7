import type { Container, PodSpec } from '@kuperator/api';
import { canonicalQuantity } from './quantity.ts';

export type Amounts = Readonly<Record<string, string>>;
/** What a container asks for of what can be resized. */
export type Resources = { readonly requests: Amounts; readonly limits: Amounts };
/** A container's new resources, by its name. */
export type Resize = { readonly name: string; readonly resources: Resources };

/** What `pods/resize` changes. */
const RESIZABLE = ['cpu', 'memory'] as const;

/** Requests and limits of CPU and memory as the API server completes them: what is only limited is requested as well. */
export function resizableOf({ resources }: Pick<Container, 'resources'>): Resources {
  const limits = amountsOf(resources?.limits);
  return { requests: { ...limits, ...amountsOf(resources?.requests) }, limits };
}

function amountsOf(amounts: Amounts = {}): Amounts {
  return Object.fromEntries(
    RESIZABLE.flatMap((name) => (amounts[name] === undefined ? [] : [[name, String(amounts[name])]])),
  );
}

/** A container without what a resize changes: where this differs, no resize helps. */
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

/** A sidecar: an init container that runs along with the Pod. */
export function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always';
}

/** Containers that run as long as the Pod does: those that can be changed in place. */
export function runningContainers(spec: Pick<PodSpec, 'containers' | 'initContainers'>): readonly Container[] {
  return [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
}

/** Containers of `to` whose CPU or memory differs from `from`; both hold the same containers in the same order. */
export function resizesBetween(from: PodSpec, to: PodSpec): readonly Resize[] {
  const before = runningContainers(from);
  return runningContainers(to).flatMap((container, index) => {
    const old = resizableOf(before[index] ?? {});
    const resources = resizableOf(container);
    return includes(old, resources) && includes(resources, old) ? [] : [{ name: container.name, resources }];
  });
}

/** Why the API server would refuse to resize from one to the other; undefined when it would not. */
export function resizeObstacle(from: PodSpec, to: PodSpec): string | undefined {
  const before = runningContainers(from);
  for (const [index, container] of runningContainers(to).entries()) {
    const old = resizableOf(before[index] ?? {});
    const resources = resizableOf(container);
    for (const kind of ['requests', 'limits'] as const) {
      const dropped = Object.keys(old[kind]).find((name) => !(name in resources[kind]));
      if (dropped) return `container ${container.name} drops its ${kind} of ${dropped}`;
    }
  }
  return qosOf(from) === qosOf(to) ? undefined : `the Pod would become ${qosOf(to)}`;
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

/** True when `actual` has all that `wanted` says. */
export function includes(actual: Container['resources'], wanted: Resources): boolean {
  return (['requests', 'limits'] as const).every((kind) =>
    Object.entries(wanted[kind]).every(([name, amount]) => sameAmount(actual?.[kind]?.[name], amount)),
  );
}

function sameAmount(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && canonicalQuantity(a) === canonicalQuantity(b);
}
