import { isTerminating, type KubeObject, type Service } from '@kuperator/api';
import type { BalancerProduct } from '../api/request.ts';

/** The names that Alibaba's cloud-controller-manager uses on a Service. */
export const CCM_NAMES = {
  loadBalancerIdLabel: 'service.k8s.alibaba/loadbalancer-id',
  clbFinalizer: 'service.k8s.alibaba/resources',
  nlbFinalizer: 'service.k8s.alibaba/nlb',
  nlbClass: 'alibabacloud.com/nlb',
  backendTypeAnnotation: 'service.beta.kubernetes.io/backend-type',
  ignoreWeightAnnotation: 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-ignore-weight-update',
  /** The tag by which it finds the instance of a Service again. */
  serviceTag: 'kubernetes.do.not.delete',
  clusterTag: 'ack.aliyun.com',
} as const;

/** A port of a Service, as the API server fills it in. */
export type ServicePort = {
  name?: string;
  port: number;
  protocol: string;
  targetPort: number | string;
  nodePort?: number;
};

/** A Service with what CCM reads of it. */
export type BalancedService = Service & {
  spec: { ports?: ServicePort[]; loadBalancerClass?: string; externalTrafficPolicy?: string };
};

/** The product that a Service asks for; undefined if it asks for none, or for one that is not CCM's. */
export function productOf({ spec }: BalancedService): BalancerProduct | undefined {
  if (spec.type !== 'LoadBalancer') return undefined;
  if (spec.loadBalancerClass === undefined) return 'Slb';
  return spec.loadBalancerClass === CCM_NAMES.nlbClass ? 'Nlb' : undefined;
}

/** Whether the Service is to have an instance now. */
export function wantsBalancer(service: BalancedService): boolean {
  return !isTerminating(service) && productOf(service) !== undefined;
}

/** The finalizer that CCM puts on Services of `product`. */
export function finalizerOf(product: BalancerProduct): string {
  return product === 'Slb' ? CCM_NAMES.clbFinalizer : CCM_NAMES.nlbFinalizer;
}

/** The product of an instance that CCM still has to remove. */
export function heldProduct({ metadata }: KubeObject): BalancerProduct | undefined {
  return (['Slb', 'Nlb'] as const).find((product) => metadata.finalizers?.includes(finalizerOf(product)));
}

/** The name and tag value of the instance of a Service. */
export function balancerNameOf({ metadata }: KubeObject): string {
  return `a${(metadata.uid ?? '').replaceAll('-', '')}`.slice(0, 32);
}

/** Whether backends are nodes and not Pods. */
export function hasNodeBackends({ metadata }: BalancedService): boolean {
  return new Map(Object.entries(metadata.annotations ?? {})).get(CCM_NAMES.backendTypeAnnotation) === 'ecs';
}

/** Whether CCM leaves the weights of existing backends alone. */
export function ignoresWeights({ metadata }: BalancedService): boolean {
  return new Map(Object.entries(metadata.annotations ?? {})).get(CCM_NAMES.ignoreWeightAnnotation) === 'on';
}

/** The name of the group of a port, which is also the Description of its backends. */
export function groupNameOf(service: BalancedService, port: ServicePort, clusterId: string): string {
  const { name, namespace } = service.metadata;
  const backendPort = hasNodeBackends(service) ? port.nodePort : port.targetPort;
  return productOf(service) === 'Nlb'
    ? `k8s.${backendPort}.${port.protocol}.${name}.${namespace}.${clusterId}`
    : `k8s/${backendPort}/${name}/${namespace}/${clusterId}`;
}

/** Whether a group name or a Description is one that CCM writes for this Service. */
export function isOfService(text: string, { metadata }: KubeObject, clusterId: string): boolean {
  const { name, namespace } = metadata;
  const clb = text.split('/');
  const nlb = text.split('.');
  return (
    (clb.length === 5 && clb[0] === 'k8s' && clb[2] === name && clb[3] === namespace && clb[4] === clusterId) ||
    (nlb.length === 6 && nlb[0] === 'k8s' && nlb[3] === name && nlb[4] === namespace && nlb[5] === clusterId)
  );
}
