import { AVAILABLE_CONDITIONS_ANNOTATION, EMPLOYER_ADAPTER_ANNOTATION, SERVICE_READY_GATE } from '@kuperator/api';
import { ARRIVAL_MS } from '@kuperator/lifecycle';
import { aCondition, aPod, aService } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { arrivingAt, guardsOf } from './guards.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const FINALIZER = 'prot.podopslifecycle.kusionstack.io/x';
const marked = { [EMPLOYER_ADAPTER_ANNOTATION]: 'endpointslice-adapter' };
const announced = { 'Service/default/web': FINALIZER };

type Given = {
  expected?: Record<string, string>;
  finalizers?: string[];
  nodeName?: string;
  /** How long ago gate or readiness last changed, in seconds. */
  age?: number;
};

function aPodWith({ expected = announced, finalizers = [], nodeName = 'n', age = 1 }: Given) {
  const lastTransitionTime = new Date(NOW - age * 1000).toISOString();
  const conditions = JSON.stringify({ expectedFinalizers: expected });
  return aPod({
    metadata: { annotations: { [AVAILABLE_CONDITIONS_ANNOTATION]: conditions }, finalizers },
    spec: { readinessGates: [{ conditionType: SERVICE_READY_GATE }], nodeName },
    status: {
      conditions: [
        { ...aCondition(SERVICE_READY_GATE, true), lastTransitionTime },
        { ...aCondition('Ready', true), lastTransitionTime },
      ],
    },
  });
}

const services = (annotations: Record<string, string>) => {
  const service = aService({ metadata: { name: 'web', annotations }, spec: { selector: { app: 'elsewhere' } } });
  return { get: (key: string) => (key === 'default/web' ? service : undefined) };
};

describe('guardsOf', () => {
  test('waits while traffic may be on its way to a Pod that has just come back, and then asks its adapter', () => {
    const fresh = guardsOf(aPodWith({}), services(marked), NOW);
    expect(fresh).toEqual({ missing: announced, arrivingMs: ARRIVAL_MS - 1000 });
    expect(arrivingAt(fresh)).toEqual(['Service/default/web']);
    const rested = guardsOf(aPodWith({ age: 60 }), services(marked), NOW);
    expect(rested).toEqual({ missing: announced, arrivingMs: 0 });
    expect(arrivingAt(rested)).toEqual([]);
  });

  test.each<Given & { name: string; annotations?: Record<string, string> }>([
    { name: 'whose finalizer is on the Pod', finalizers: [FINALIZER] },
    { name: 'of a Service that no adapter guards, announced by hand', annotations: {} },
    { name: 'of a Service that is gone', expected: { 'Service/default/gone': FINALIZER } },
    { name: 'of another kind of employer', expected: { 'Pool/default/web': FINALIZER } },
    { name: 'of a Pod without a node', nodeName: '' },
  ])('asks no adapter $name', ({ annotations = marked, ...given }) => {
    expect(guardsOf(aPodWith(given), services(annotations), NOW)).toEqual({ missing: {}, arrivingMs: 0 });
  });
});
