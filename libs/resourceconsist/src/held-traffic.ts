import type { Key, Pod } from '@kuperator/api';
import type { Clock } from '@kuperator/runtime';
import type { TrafficOf } from './adapter.ts';
import type { TrafficHold } from './traffic-hold.ts';

/** Traffic without the unknown state. */
type SeenTraffic = 'on' | 'off';
type Sight = { readonly traffic: SeenTraffic; readonly since: number };

/** An observer's answer, delayed by the employer's hold. */
export type HeldAnswer = {
  /** `changing` until the traffic of the Pod has been the same for the whole hold. */
  readonly trafficOf: TrafficOf;
  /** Milliseconds until the hold of the Pod ends; undefined if it has ended or the traffic is unknown. */
  readonly remainingMs: (pod: Pod) => number | undefined;
};

/**
 * Remembers, per employer, since when each Pod's traffic has been observed on or off. It is kept in memory only: after a restart, or when
 * a key moves here from another replica, each Pod waits for the whole hold again.
 */
export class HeldTraffic {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #sights = new Map<Key, Map<string, Sight>>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /**
   * For an adapter that learns of a change before the next pass: the hold starts now. This also covers a Pod whose traffic
   * comes and goes between two passes: its hold must start again.
   */
  noticed(employer: Key, uid: string, traffic: SeenTraffic): void {
    const sights = this.#sights.get(employer);
    const known = sights?.get(uid);
    // A Pod that no pass has seen yet is first seen by the next one.
    if (known && known.traffic !== traffic) sights?.set(uid, { traffic, since: this.#clock.monotonic() });
  }

  /** Records what an observer answered in a pass. Pods other than `pods` are forgotten and count as `changing`. */
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

  /** Forgets an employer whose Pods' traffic is no longer observed. */
  forget(employer: Key): void {
    this.#sights.delete(employer);
  }

  /** Forgets all employers except those for which `keep` returns true: traffic that is not observed may change unseen. */
  keepOnly(keep: (employer: Key) => boolean): void {
    for (const employer of this.#sights.keys()) if (!keep(employer)) this.#sights.delete(employer);
  }
}
