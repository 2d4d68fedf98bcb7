export { type ApiCall, AuditLog, type CallCount, countCalls, operatorWrites } from './audit-log.ts';
export { type DoubledInstance, doubledInstances } from './instances.ts';
export { Observer } from './observer.ts';
export {
  type Check,
  leastInTraffic,
  type RollOptions,
  recreateChecks,
  rollChecks,
  scaleInChecks,
  touchedInTraffic,
} from './promises.ts';
export type { PodVersion, Sighting, Touch, Traffic } from './sighting.ts';
