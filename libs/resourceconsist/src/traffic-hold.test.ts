import { TRAFFIC_OFF_HOLD_ANNOTATION, TRAFFIC_ON_HOLD_ANNOTATION } from '@kuperator/api';
import { expect, test } from 'vitest';
import { aService } from './test/objects.ts';
import { durationMsOf, trafficHoldOf } from './traffic-hold.ts';

test.each([
  { text: '0s', ms: 0 },
  { text: '500ms', ms: 500 },
  { text: '6s', ms: 6000 },
  { text: '1m30s', ms: 90_000 },
  { text: '1h', ms: 3_600_000 },
  { text: '', ms: undefined },
  { text: '6', ms: undefined },
  { text: '6 s', ms: undefined },
  { text: '1.5s', ms: undefined },
  { text: '-1s', ms: undefined },
  { text: '6S', ms: undefined },
  { text: '123456s', ms: undefined },
])('duration $text: $ms ms', ({ text, ms }) => {
  expect(durationMsOf(text)).toBe(ms);
});

const fallback = { onMs: 100, offMs: 1500 };

test.each([
  { name: 'no annotation: the defaults', annotations: {}, hold: fallback },
  {
    name: 'one annotation: the default for the other',
    annotations: { [TRAFFIC_OFF_HOLD_ANNOTATION]: '6s' },
    hold: { onMs: 100, offMs: 6000 },
  },
  {
    name: 'both annotations, one of them switched off',
    annotations: { [TRAFFIC_OFF_HOLD_ANNOTATION]: '10m', [TRAFFIC_ON_HOLD_ANNOTATION]: '0s' },
    hold: { onMs: 0, offMs: 600_000 },
  },
])('$name', ({ annotations, hold }) => {
  expect(trafficHoldOf(aService({ annotations }), fallback)).toEqual({ hold });
});

test.each(['', '6', 'never', '11m'])('%j is invalid: the default applies, and the problem names the value', (text) => {
  const { hold, problem } = trafficHoldOf(
    aService({ annotations: { [TRAFFIC_OFF_HOLD_ANNOTATION]: text, [TRAFFIC_ON_HOLD_ANNOTATION]: '2s' } }),
    fallback,
  );
  expect(hold).toEqual({ onMs: 2000, offMs: 1500 });
  expect(problem).toBe(
    `annotation ${TRAFFIC_OFF_HOLD_ANNOTATION} is ${JSON.stringify(text)}: allowed are durations from 0s to 10m, such as 500ms, 6s or 1m30s; 1500ms is used`,
  );
});
