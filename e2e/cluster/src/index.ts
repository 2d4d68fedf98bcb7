export { type Binaries, binaryPaths, controlPlaneBinaries, ensureBinaries, type Progress } from './binaries.ts';
export { baseEnv } from './control-plane.ts';
export { imageChangeDelayAnnotation, terminationDelayAnnotation } from './kwok-stages.ts';
export type { Cluster, ClusterOptions, ClusterProcess } from './options.ts';
export { waitUntil } from './probe.ts';
export type { BinaryName } from './products.ts';
export type { ProcessSpec } from './protocol.ts';
export { CommandError, run } from './run.ts';
export { attachCluster, startCluster } from './start.ts';
