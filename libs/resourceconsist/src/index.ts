export {
  type Adapter,
  type AdapterPass,
  type Backend,
  type EmployeeRecord,
  type EmployerKind,
  type Observer,
  type Outcome,
  type Provider,
  type ProviderRecord,
  type RecordResults,
  type Refusal,
  type Results,
  SERVICE_EMPLOYERS,
  type Traffic,
  type TrafficOf,
} from './adapter.ts';
export { employersOfPod, type ResourceConsistOptions, resourceConsistController } from './controller.ts';
export { employeePodOptions, employerOptions } from './employee-pods.ts';
export { HeldTraffic } from './held-traffic.ts';
export { isLifecycleReady } from './lifecycle-ready.ts';
export { expectedKeyFor, lifecycleFinalizerFor } from './names.ts';
export { ownershipOf } from './ownership.ts';
export type { TrafficChange } from './pod-writer.ts';
export type { TrafficHold } from './traffic-hold.ts';
