import type { Action } from './api/action.ts';
import { ApiError } from './api/api-error.ts';
import { Authentication } from './api/authentication.ts';
import { type Fault, Faults } from './api/faults.ts';
import { CallMeter } from './api/rate-limits.ts';
import { type ApiRequest, type Product, parseRequest, type RawRequest } from './api/request.ts';
import { CLB_BACKEND_ACTIONS } from './clb/backends.ts';
import { CLB_DEFAULT_GROUP_ACTIONS } from './clb/default-group.ts';
import { CLB_LOAD_BALANCER_ACTIONS } from './clb/load-balancers.ts';
import { ECS_ACTIONS } from './ecs/network-interfaces.ts';
import { NLB_LOAD_BALANCER_ACTIONS } from './nlb/load-balancers.ts';
import { NLB_SERVER_GROUP_ACTIONS } from './nlb/server-groups.ts';
import type { World } from './world/world.ts';

/** What the server sends. */
export type Answer = {
  status: number;
  body: Readonly<Record<string, unknown>>;
  disconnect?: boolean;
  delayMs?: number;
};

const ACTIONS: Readonly<Record<Product, ReadonlyMap<string, Action>>> = {
  Slb: new Map(Object.entries({ ...CLB_LOAD_BALANCER_ACTIONS, ...CLB_BACKEND_ACTIONS, ...CLB_DEFAULT_GROUP_ACTIONS })),
  Ecs: new Map(Object.entries(ECS_ACTIONS)),
  Nlb: new Map(Object.entries({ ...NLB_LOAD_BALANCER_ACTIONS, ...NLB_SERVER_GROUP_ACTIONS })),
};

/** From a request to its answer: who calls, how often, which fault the call meets, and what it does. */
export class Service {
  readonly authentication = new Authentication();
  readonly meter = new CallMeter();
  readonly faults = new Faults();
  /** By how much the clock that dates are compared with is ahead of this machine's. */
  clockSkewMs = 0;
  readonly #world: World;
  #requests = 0;

  constructor(world: World) {
    this.#world = world;
  }

  answer(raw: RawRequest): Answer {
    const requestId = `REQUEST-${(++this.#requests).toString().padStart(8, '0')}`;
    try {
      return this.#answerTo(parseRequest(raw), requestId);
    } catch (error) {
      return failure(error, requestId);
    }
  }

  #answerTo(request: ApiRequest, requestId: string): Answer {
    const { product, action, parameters } = request;
    const accountId = this.authentication.verify(request, Date.now() + this.clockSkewMs);
    const regionId = parameters.optional('RegionId') ?? 'cn-hangzhou';
    const call = { atMs: this.#world.now(), product, action, accountId, regionId, code: 'OK' };
    this.meter.calls.push(call);
    try {
      const known = ACTIONS[product].get(action);
      if (!known) throw new ApiError(404, 'InvalidAction.NotFound', 'Specified api is not found.');
      this.meter.admit(call);
      const fault = this.faults.take(request);
      if (fault?.when === 'before') return this.#failWith(fault, requestId, call);
      const body = this.#run(known, { parameters, regionId });
      if (fault) return this.#failWith(fault, requestId, call);
      return { status: 200, body: { RequestId: requestId, ...body } };
    } catch (error) {
      call.code = error instanceof ApiError ? error.code : 'InternalError';
      throw error;
    }
  }

  #run(action: Action, given: { parameters: ApiRequest['parameters']; regionId: string }) {
    const world = this.#world;
    if (action.kind === 'read') return action.run({ ...given, world, state: world.visible() });
    return world.change((state) => action.run({ ...given, world, state }));
  }

  #failWith(fault: Fault, requestId: string, call: { code: string }): Answer {
    const { status = 500, code = 'InternalError', message = 'The request processing has failed.' } = fault;
    call.code = fault.disconnect ? 'disconnected' : code;
    const answer = failure(new ApiError(status, code, message), requestId);
    return {
      ...answer,
      ...(fault.disconnect === undefined ? {} : { disconnect: fault.disconnect }),
      ...(fault.delayMs === undefined ? {} : { delayMs: fault.delayMs }),
    };
  }
}

function failure(error: unknown, requestId: string): Answer {
  const known = error instanceof ApiError ? error : new ApiError(500, 'InternalError', String(error));
  const { status, code, message } = known;
  return {
    status,
    body: { RequestId: requestId, HostId: 'slb.test', Code: code, Message: message, Recommend: '' },
  };
}
