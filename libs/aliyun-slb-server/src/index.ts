export type { AccessKey } from './api/authentication.ts';
export type { Fault } from './api/faults.ts';
export type { CountedCall, RateLimit } from './api/rate-limits.ts';
export type { Product } from './api/request.ts';
export { type CallFilter, Control, type GivenBackend } from './control/control.ts';
export { type SlbServer, type SlbServerOptions, startSlbServer, TEST_ACCOUNT } from './server.ts';
export { DEFAULT_SETTINGS, type SlbSettings } from './world/settings.ts';
export type { Backend, BackendKey, Group, Job, Listener, LoadBalancer, State, Tag } from './world/state.ts';
export type { BackendHealth, HealthRule } from './world/world.ts';
