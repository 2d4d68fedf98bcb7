export { type BackoffOptions, backoffMs } from './backoff.ts';
export {
  type CreateOptions,
  createKubeClient,
  type DeleteOptions,
  KubeClient,
  type ListOptions,
  type Patch,
  type Ref,
  type RequestOptions,
} from './client.ts';
export { type Cancel, type Clock, sleep, systemClock } from './clock.ts';
export { type CommonConfig, commonConfig } from './common-config.ts';
export {
  type ConfigDeclaration,
  ConfigError,
  type ConfigOf,
  defineConfig,
  type Field,
  flag,
  HelpRequest,
  integer,
  loadConfig,
  oneOf,
  optionalText,
  text,
} from './config.ts';
export { Connections } from './connections.ts';
export { Controller, type Reconcile, type ReconcileResult } from './controller.ts';
export {
  AlreadyExistsError,
  ApiError,
  ConflictError,
  ConnectionError,
  ForbiddenError,
  flattenErrors,
  GoneError,
  InvalidError,
  NotFoundError,
  ServerError,
  TerminalError,
  ThrottledError,
} from './errors.ts';
export { type Check, Health } from './health.ts';
export { Informer, type InformerOptions } from './informer.ts';
export { compileLabelSelector } from './label-selector.ts';
export { boundedLabelValues } from './label-values.ts';
export { loggedError, messageOf, withoutNames } from './logged-error.ts';
export { createLogger, LOG_LEVELS, type Logger, type LogLevel } from './logger.ts';
export { createMetrics, type MetricOptions, type Metrics } from './metrics.ts';
export { type Change, type IndexFunctions, ObjectCache } from './object-cache.ts';
export { type Operator, type OperatorContext, type OperatorPart, operatorComponents, runOperator } from './operator.ts';
export { collectionPath, objectPath, type Query } from './paths.ts';
export { type Component, type ProcessContext, readConfig, runProcess } from './process.ts';
export { EventRecorder } from './recorder.ts';
export { compareResourceVersions } from './resource-version.ts';
export { RunningOperators, type RunningOperatorsOptions } from './running-operators.ts';
export { Seldom } from './seldom.ts';
export { maySelect, SELECTING, selectingKeys } from './selecting.ts';
export { settleAll } from './settle.ts';
export { Shards, type ShardsOptions } from './shards.ts';
export { type Sight, type Sighted, sightOf } from './sight.ts';
export { slowStart } from './slow-start.ts';
export type { Transport, TransportRequest, TransportResponse, TransportStream } from './transport.ts';
export { WorkQueue } from './workqueue.ts';
