import type { Progress } from './binaries.ts';
import type { KubeletDelays } from './kwok-real-stages.ts';
import type { ProcessSpec } from './protocol.ts';

export type ClusterOptions = {
  /** Name of the cluster, unique for this user. Default: a random name, so that tests run side by side. */
  name?: string;
  /** Number of simulated nodes; default 3. With 0, KWOK does not run and the caller provides the nodes, see `Cluster.run`. */
  nodes?: number;
  /** Whether to install the chart of the custom resource definitions; default true. */
  definitions?: boolean;
  /** Which operators to install and run; default `all`. */
  operators?: 'all' | 'none' | readonly string[];
  /** Number of processes of each operator; default 1. */
  replicas?: Record<string, number>;
  /** Whether to write `audit.log`, the API server's audit log at level Metadata; default false. */
  audit?: boolean;
  /** Whether to start a NATS server with JetStream; default true. Without it operators get an empty `NATS_URL`. */
  nats?: boolean;
  /**
   * Whether to start a local server of the Aliyun CLB and NLB calls, and a stand-in for Alibaba's cloud-controller-manager; default false.
   * The operators and `Cluster.env` then have its endpoint and key.
   */
  slb?: boolean;
  /** If set, the cluster of this kubeconfig file is used, and only NATS and the operators are started. */
  kubeconfig?: string;
  /** Values of an operator's chart, as for `helm --set`. They override the values that a local cluster sets. */
  chartValues?: Record<string, readonly string[]>;
  /** Additional flags of the API server. */
  apiServerFlags?: readonly string[];
  /** Additional environment of the operators. It overrides their standard environment. */
  operatorEnv?: Record<string, string> | ((app: string) => Record<string, string>);
  /** From a changed image in a Pod's spec to the restarted container in its status; default 0. A Pod may override it. */
  imageChangeDelayMs?: number;
  /**
   * From the deletion of a Pod to its end: milliseconds (default 0), or `grace-period` for the Pod's grace period. A Pod may override
   * it.
   */
  terminationDelay?: number | 'grace-period';
  /**
   * Delays with which the simulated nodes take the steps of a real kubelet ({@link KUBELET_DELAYS}). By default they take all steps at
   * once. If it is set, `imageChangeDelayMs` has no effect.
   */
  kubelet?: KubeletDelays;
  /** Additional flags of the controller-manager. */
  controllerManagerFlags?: readonly string[];
  /** Called with each line of progress. */
  onProgress?: Progress;
};

export type ClusterProcess = {
  name: string;
  /** 0 while it does not run. */
  pid: number;
  state: 'running' | 'stopped' | 'crashed';
  logFile: string;
  httpPort?: number;
  /** How a crashed process ended. */
  ended?: string;
};

/** A running cluster. */
export type Cluster = {
  name: string;
  /** Its folder: `<process>.pid` and `<process>.log` of each process, and `audit.log`. */
  dir: string;
  kubeconfigPath: string;
  natsUrl: string;
  /** The kubectl of the cluster's version. */
  kubectlPath: string;
  /** KUBECONFIG, NATS_URL and KUPERATOR_CLUSTER_DIR, and with `slb` ALIYUN_SLB_ENDPOINT and its like, for programs that use the cluster. */
  env: Record<string, string>;
  /** The present state of every process. */
  processes(): readonly ClusterProcess[];
  /**
   * Starts another process, which belongs to the cluster from then on: it is stopped and started by its name and ends with it.
   * Returns when it is ready.
   */
  run(process: ProcessSpec): Promise<void>;
  /** Stops a process with `signal` (default SIGTERM; SIGKILL after 30 s, 3 s for the control plane); it stays stopped. Returns when it has ended. */
  stop(process: string, signal?: NodeJS.Signals): Promise<void>;
  /** Starts a stopped or crashed process again, on the same ports and storage. Returns when it is ready. */
  start(process: string): Promise<void>;
  /** `stop`, then `start`. */
  restart(process: string): Promise<void>;
  /**
   * Runs kubectl as cluster administrator, with `input` as its stdin.
   * @returns its stdout
   * @throws CommandError with its stderr
   */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Stops every process and removes the folder. On a cluster given by a kubeconfig it also uninstalls the operators' charts. */
  down(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};
