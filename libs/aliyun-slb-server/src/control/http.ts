import type { Answer } from '../service.ts';
import type { Control } from './control.ts';

/** The methods of {@link Control} that the control API offers, each with the arguments that a JSON list in the body carries. */
const METHODS = [
  'createLoadBalancer',
  'createVServerGroup',
  'createServerGroup',
  'createListener',
  'addBackends',
  'removeBackends',
  'setWeight',
  'deleteLoadBalancer',
  'deleteGroup',
  'setHealth',
  'clearHealth',
  'setNetworkInterface',
  'injectFault',
  'clearFaults',
  'set',
  'setRateLimit',
  'advance',
  'skewClock',
  'addAccessKey',
  'removeAccessKey',
  'readState',
  'readGroup',
  'readHealth',
  'calls',
  'countCalls',
  'highestRate',
  'forgetCalls',
] as const satisfies readonly (keyof Control)[];

/**
 * Answers `GET /control/ready`, and `POST /control/<method>` with the result of that method of `control`; the body is the JSON list of its arguments.
 */
export function answerControl(control: Control, request: { method: string; url: string; body: Buffer }): Answer {
  if (request.method === 'GET' && request.url === '/control/ready') return { status: 200, body: { ready: true } };
  const name = METHODS.find((each) => request.url === `/control/${each}`);
  if (request.method !== 'POST' || !name) {
    return { status: 404, body: { error: `allowed: POST /control/ and one of ${METHODS.join(', ')}` } };
  }
  try {
    const given: unknown = request.body.length === 0 ? [] : JSON.parse(request.body.toString('utf8'));
    if (!Array.isArray(given)) throw new Error('the body must be a JSON list of arguments');
    const run = control[name] as (...values: unknown[]) => unknown;
    return { status: 200, body: { result: plain(run.apply(control, given)) } };
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : String(error) } };
  }
}

/** Maps become objects, so that JSON carries them. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
