export { type Binaries, ensureBinaries, type Progress } from './binaries.ts';
export { diesBeforeChangeAnnotation, KUBELET_DELAYS, type KubeletDelays } from './kwok-real-stages.ts';
export { imageChangeDelayAnnotation, terminationDelayAnnotation } from './kwok-stages.ts';
export type { Cluster, ClusterOptions, ClusterProcess } from './options.ts';
export type { BinaryName } from './products.ts';
export { CommandError } from './run.ts';
export { shellExports } from './shell-exports.ts';
export { attachCluster, startCluster } from './start.ts';
