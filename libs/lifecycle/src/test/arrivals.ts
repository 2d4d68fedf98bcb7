// Random schedules of a Pod behind a Service: kubelet, EndpointSlice controller and adapter each see what the one before it
// wrote, late and in order. What must hold: whenever an operation is granted, the Service sends the Pod no traffic.

import assert from 'node:assert/strict';
import { SERVICE_READY_GATE, STAY_OFFLINE_LABEL } from '@kuperator/api';
import fc from 'fast-check';
import {
  ARRIVAL_MS,
  arrivalMs,
  beginOperation,
  cancelOperation,
  finishOperation,
  isPermitted,
  podStateOf,
} from '../index.ts';
import type { Runs } from './interleavings.ts';
import { FINALIZER, podWith, Simulation } from './simulation.ts';

const IDS = ['a', 'b'];
const id = fc.constantFrom(...IDS);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('begin' as const), id }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('finish' as const), id }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), id }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stay-offline' as const), on: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('containers' as const), ready: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('coordinate' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('kubelet' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('slices' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('news' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('adapter' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rest' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Arrivals {
  readonly sim = new Simulation(podWith({ expected: [FINALIZER] }));
  /** Grants so far: a property that saw none shows nothing. */
  grants = 0;
  #nowMs = Date.parse('2026-01-01T00:00:00Z');
  #containersReady = true;
  /** The EndpointSlice lists the Pod as ready. */
  #inTraffic = false;
  /** What was written to the slice and the adapter has not seen yet. */
  readonly #news: boolean[] = [];
  #seen = false;

  take(step: Step): void {
    const before = this.#operating();
    const nanos = this.sim.nanos();
    switch (step.do) {
      case 'begin':
        this.sim.patchLabels(beginOperation(this.sim.pod, { id: step.id, type: 'update', nanos }));
        break;
      case 'finish':
        this.sim.patchLabels(finishOperation(this.sim.pod, { id: step.id, nanos }));
        break;
      case 'cancel':
        this.sim.patchLabels(cancelOperation(this.sim.pod, { id: step.id, nanos }));
        break;
      case 'stay-offline':
        this.sim.patchLabels({ [STAY_OFFLINE_LABEL]: step.on ? '' : null });
        break;
      case 'containers':
        this.#containersReady = step.ready;
        break;
      case 'coordinate':
        this.#coordinate();
        break;
      case 'kubelet':
        this.#kubelet();
        break;
      case 'slices':
        this.#slices();
        break;
      case 'news':
        this.#seen = this.#news.shift() ?? this.#seen;
        break;
      case 'adapter':
        this.#adapter();
        break;
      case 'rest':
        this.#settle();
        this.#nowMs += ARRIVAL_MS;
        break;
    }
    this.#nowMs += 1;
    const operating = this.#operating();
    this.grants += operating.filter((each) => !before.includes(each)).length;
    if (operating.length > 0) assert(!this.#inTraffic, `${operating.join()} operates in traffic, by ${step.do}`);
  }

  /** All actors act until none has anything left to do, and time passes. */
  quiesce(): void {
    this.#containersReady = true;
    for (let round = 0; round < 50; round++) {
      this.take({ do: 'coordinate' });
      this.take({ do: 'rest' });
      this.take({ do: 'adapter' });
      for (const id of this.#operating()) this.take({ do: 'finish', id });
    }
  }

  #coordinate(): void {
    const guards = this.sim.pod.metadata.finalizers?.includes(FINALIZER) ? [] : [FINALIZER];
    const arriving = guards.length > 0 && arrivalMs(this.sim.pod, this.#nowMs) > 0;
    const gate = this.sim.gate();
    this.sim.coordinate(undefined, { guards, arriving });
    if (gate !== this.sim.gate()) this.#stamp(SERVICE_READY_GATE);
  }

  #kubelet(): void {
    const ready = podStateOf(this.sim.pod).ready;
    this.sim.kubelet(this.#containersReady);
    if (ready !== podStateOf(this.sim.pod).ready) this.#stamp('Ready');
  }

  #slices(): void {
    const { ready } = podStateOf(this.sim.pod);
    if (ready === this.#inTraffic) return;
    this.#inTraffic = ready;
    this.#news.push(ready);
  }

  #adapter(): void {
    const { ready, gate, finalizers } = podStateOf(this.sim.pod);
    const isOn = finalizers.includes(FINALIZER);
    const wanted = ready && gate !== 'False';
    if (wanted === this.#seen && wanted !== isOn) this.sim.putFinalizer(FINALIZER, wanted);
  }

  /** All but the adapter and the coordinator, who may be away for any time. */
  #settle(): void {
    this.#kubelet();
    this.#slices();
    this.#seen = this.#news.splice(0).at(-1) ?? this.#seen;
  }

  /** Ids that may change the Pod now. */
  #operating(): readonly string[] {
    return IDS.filter((id) => isPermitted(this.sim.pod, id, 'update'));
  }

  #stamp(type: string): void {
    const lastTransitionTime = new Date(this.#nowMs).toISOString();
    const conditions = (this.sim.pod.status?.conditions ?? []).map((condition) =>
      condition.type === type ? { ...condition, lastTransitionTime } : condition,
    );
    this.sim.pod.status = { ...this.sim.pod.status, conditions };
  }
}

/** No operation is granted while traffic is on, however late news is, and all come to rest in service. @returns the grants seen */
export function checkArrivals({ runs, seed }: Runs): number {
  let grants = 0;
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const arrivals = new Arrivals();
    for (const step of steps) arrivals.take(step);
    arrivals.take({ do: 'stay-offline', on: false });
    arrivals.quiesce();
    grants += arrivals.grants;
    assert.deepEqual(arrivals.sim.stages(), ['SA']);
  });
  fc.assert(property, { numRuns: runs, seed });
  return grants;
}
