export { Informer, type InformerOptions } from './cache/informer.ts';
export { compileLabelSelector } from './cache/label-selector.ts';
export { type Change, type IndexFunctions, ObjectCache } from './cache/object-cache.ts';
export {
  type ObjectChange,
  type ObjectDeletion,
  type ObjectWriter,
  objectWriter,
  type Precondition,
} from './cache/object-writer.ts';
export { compareResourceVersions } from './cache/resource-version.ts';
export { maySelect, SELECTING, selectingKeys } from './cache/selecting.ts';
export { type Sight, sightOf } from './cache/sight.ts';
export { createKubeClient, type DeleteOptions, KubeClient, type Patch } from './client/client.ts';
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
} from './client/errors.ts';
export { loggedError, messageOf, withoutNames } from './client/logged-error.ts';
export { outsidePass } from './client/pass-signal.ts';
export { collectionPath, objectPath, type Query } from './client/paths.ts';
export type { Transport, TransportRequest, TransportResponse, TransportStream } from './client/transport.ts';
export { Controller, type Reconcile, type ReconcileResult } from './controller/controller.ts';
export { type LaneOptions, type LaneResult, type LaneWindow, newLaneWindow, runLane } from './controller/lane.ts';
export { EventRecorder } from './controller/recorder.ts';
export { WorkQueue } from './controller/workqueue.ts';
export { type Operator, type OperatorContext, type OperatorPart, operatorComponents, runOperator } from './operator.ts';
export { type BackoffOptions, backoffMs } from './process/backoff.ts';
export { type Cancel, type Clock, sleep, systemClock } from './process/clock.ts';
export { type CommonConfig, commonConfig } from './process/common-config.ts';
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
} from './process/config.ts';
export { Connections } from './process/connections.ts';
export { Health } from './process/health.ts';
export { boundedLabelValues } from './process/label-values.ts';
export { createLogger, LOG_LEVELS, type Logger, type LogLevel } from './process/logger.ts';
export { createMetrics, type Metrics } from './process/metrics.ts';
export { type Component, type ProcessContext, readConfig, runProcess } from './process/process.ts';
export { Seldom } from './process/seldom.ts';
export { Turns } from './process/turns.ts';
export { RunningOperators } from './shards/running-operators.ts';
export { Shards } from './shards/shards.ts';
