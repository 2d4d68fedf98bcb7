import type { Pod } from '@kuperator/api';
import { type ExpectedFinalizers, expectedFinalizersOf } from '@kuperator/lifecycle';

const known = new WeakMap<Pod, ExpectedFinalizers>();

/**
 * What a cached Pod announces; nothing when its annotation cannot be understood (a write that would touch it says so).
 * Remembered by object, since cached ones never change: parsing it for every Pod would be most of a pass.
 */
export function expectedOf(pod: Pod): ExpectedFinalizers {
  let expected = known.get(pod);
  if (!expected) {
    expected = expectedFinalizersOf(pod) ?? {};
    known.set(pod, expected);
  }
  return expected;
}
