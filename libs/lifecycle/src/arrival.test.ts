import { SERVICE_READY_GATE } from '@kuperator/api';
import { expect, test } from 'vitest';
import { ARRIVAL_MS, arrivalMs } from './arrival.ts';
import { podWith } from './test/simulation.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

type Given = { name: string; gated?: boolean; gate?: 'False'; gateAge?: number; readyAge?: number; leftMs: number };

test.each<Given>([
  { name: 'whose gate has just opened', gateAge: 2, readyAge: 60, leftMs: ARRIVAL_MS - 2000 },
  { name: 'whose readiness has just changed', gateAge: 60, readyAge: 3, leftMs: ARRIVAL_MS - 3000 },
  { name: 'whose gate opened first', gateAge: 5, readyAge: 1, leftMs: ARRIVAL_MS - 1000 },
  { name: 'that has been in service for long', gateAge: 60, readyAge: 60, leftMs: 0 },
  { name: 'whose gate is closed', gate: 'False', gateAge: 1, readyAge: 1, leftMs: 0 },
  { name: 'without the gate', gated: false, gateAge: 1, readyAge: 1, leftMs: 0 },
  { name: 'whose kubelet’s clock is far ahead', gateAge: 60, readyAge: -600, leftMs: 0 },
  { name: 'whose condition has no time', leftMs: 0 },
])('traffic may still arrive for $leftMs ms at a Pod $name', ({ gated = true, gate, gateAge, readyAge, leftMs }) => {
  const since = (age: number | undefined) => (age === undefined ? {} : { lastTransitionTime: ago(age) });
  const pod = podWith({ gated });
  pod.status = {
    conditions: [
      { type: SERVICE_READY_GATE, status: gate ?? 'True', ...since(gateAge) },
      { type: 'Ready', status: 'True', ...since(readyAge) },
    ],
  };
  expect(arrivalMs(pod, NOW)).toBe(leftMs);
});
