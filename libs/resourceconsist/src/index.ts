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
  type TrafficByEmployer,
  type TrafficOf,
} from './adapter.ts';
export { employersOfPod, type ResourceConsistOptions, resourceConsistController } from './controller.ts';
export { employeePodOptions, employerOptions } from './employee-pods.ts';
export { trimmedMetadata } from './employer-trim.ts';
export { BY_SERVICE, readyPodsOf, serviceOf, sliceOptions, trafficIn, turnedBy } from './endpoint-slices.ts';
export { type GateEvents, wakeOnGate } from './gate-events.ts';
export { HeldTraffic } from './held-traffic.ts';
export { isLifecycleReady } from './lifecycle-ready.ts';
export { expectedKeyFor, lifecycleFinalizerFor } from './names.ts';
export { noEndpoints } from './no-endpoints.ts';
export type { TrafficChange } from './pod-writer.ts';
export { durationMsOf, type TrafficHold } from './traffic-hold.ts';
export { trafficKnownRecorder } from './traffic-known.ts';
