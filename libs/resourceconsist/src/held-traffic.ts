import type { Key, Pod } from '@kuperator/api';
import type { Clock } from '@kuperator/runtime';
import type { TrafficOf } from './adapter.ts';
import type { TrafficHold } from './traffic-hold.ts';

/** Traffic that can be told. */
type SeenTraffic = 'on' | 'off';
type Sight = { readonly traffic: SeenTraffic; readonly since: number };

/** An observer's answer, withheld as long as the employer's hold says. */
export type HeldAnswer = {
  /** `changing` until the traffic of the Pod has been seen as it is for the whole hold. */
  readonly trafficOf: TrafficOf;
  /** Milliseconds until the Pod's traffic counts; undefined if it counts already, or cannot be told. */
  readonly remainingMs: (pod: Pod) => number | undefined;
};

/**
 * Remembers since when each Pod's traffic has been seen on or off, per employer. It lives in memory alone: after a restart, or when
 * a key comes from another replica, each Pod is seen for the first time and waits for the whole hold again.
 */
export class HeldTraffic {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #sights = new Map<Key, Map<string, Sight>>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /**
   * For an adapter that learns of a change before the next pass: the wait begins now. It also catches a Pod whose traffic
   * comes and goes between two passes, for which the wait must begin anew.
   */
  noticed(employer: Key, uid: string, traffic: SeenTraffic): void {
    const sights = this.#sights.get(employer);
    const known = sights?.get(uid);
    // A Pod that no pass has seen yet is first seen by the next one.
    if (known && known.traffic !== traffic) sights?.set(uid, { traffic, since: this.#clock.monotonic() });
  }

  /** Takes in what an observer answered in a pass. Pods other than `pods` are forgotten, and answered `changing`. */
  judge(
    employer: Key,
    {
      pods,
      trafficOf,
      hold,
    }: { readonly pods: readonly Pod[]; readonly trafficOf: TrafficOf; readonly hold: TrafficHold },
  ): HeldAnswer {
    const now = this.#clock.monotonic();
    const before = this.#sights.get(employer);
    const sights = new Map<string, Sight>();
    for (const pod of pods) {
      const { uid = '' } = pod.metadata;
      const traffic = trafficOf(pod);
      if (traffic === 'changing') continue;
      const known = before?.get(uid);
      sights.set(uid, known?.traffic === traffic ? known : { traffic, since: now });
    }
    this.#sights.set(employer, sights);
    const remainingOf = ({ traffic, since }: Sight) => since + (traffic === 'on' ? hold.onMs : hold.offMs) - now;
    return {
      trafficOf(pod) {
        const sight = sights.get(pod.metadata.uid ?? '');
        return sight && remainingOf(sight) <= 0 ? sight.traffic : 'changing';
      },
      remainingMs(pod) {
        const sight = sights.get(pod.metadata.uid ?? '');
        const remainingMs = sight ? remainingOf(sight) : 0;
        // Whole milliseconds, as timers count them: a fraction rounded down would wake the pass too early.
        return remainingMs > 0 ? Math.ceil(remainingMs) : undefined;
      },
    };
  }

  /** Forgets an employer: its Pods' traffic is not looked at any more. */
  forget(employer: Key): void {
    this.#sights.delete(employer);
  }

  /** Forgets all employers but those for which `keep` answers true: what is not followed may come and go unseen. */
  keepOnly(keep: (employer: Key) => boolean): void {
    for (const employer of this.#sights.keys()) if (!keep(employer)) this.#sights.delete(employer);
  }
}
