import { POD_DELETE_OPERATION_ID, type Pod, stageLabel, TO_DELETE_LABEL } from '@kuperator/api';
import { counted, countlessKey, share } from '@kuperator/holders';
import { aPodTransitionRule } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aServingPod, begun, granted, NOW_MS } from '../../test/leaving-pods.ts';
import { holderOf, isAmong, longHolders } from './holder.ts';

const FINALIZER = 'prot.podopslifecycle.kusionstack.io/abc';
const RULE = aPodTransitionRule({
  metadata: { name: 'budget' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    rules: [{ name: 'b', availablePolicy: { maxUnavailableValue: 1 } }],
  },
});

const FACTS = { rules: [RULE], nowMs: NOW_MS };

function draining(id: string): Record<string, string> {
  const { [stageLabel('operate', id)]: _, ...labels } = granted(id, 'delete');
  return labels;
}

describe('of several operations', () => {
  test('the one furthest ahead determines the holder', () => {
    const labels = { ...begun('pod-delete'), ...draining('pod-evict') };
    const pod = aServingPod({ metadata: { labels, finalizers: [FINALIZER] } });
    expect(holderOf(pod, FACTS)).toMatchObject({ message: `waits: finalizer ${FINALIZER} is not off` });
  });

  test('one that does not end with a deletion does not count', () => {
    const { 'podopslifecycle.kusionstack.io/preparing-to-delete': _, ...update } = begun('collaset');
    expect(holderOf(aServingPod({ metadata: { labels: update } }), FACTS)).toBeUndefined();
  });
});

describe('other Pods that have waited for long', () => {
  const marked = (name: string, agoMs: number): Pod =>
    aServingPod({
      metadata: {
        name,
        uid: name,
        labels: { ...begun(POD_DELETE_OPERATION_ID, NOW_MS - agoMs), [TO_DELETE_LABEL]: '1' },
      },
    });
  const pod = marked('web', 1000);
  const others = (...pods: Pod[]) => longHolders(pods, pod, FACTS);

  test('have a holder that this Pod can have as well', () => {
    const hold = holderOf(pod, FACTS);
    expect(hold && isAmong(hold, others(pod, marked('other', 60_000)))).toBe(true);
  });

  test('are not those whose operation has just begun', () => {
    expect(others(pod, marked('other', 59_000))).toEqual([]);
  });

  test('are not those that may leave', () => {
    const free = aServingPod({ metadata: { name: 'free', uid: 'free', labels: granted('pod-delete', 'delete', 1) } });
    expect(others(free)).toEqual([]);
  });

  test('have the same holder if only the figures differ', () => {
    const key = (what: string, out: number) => countlessKey(counted`waits for ${what} (${share(out, 30)})`);
    expect(isAmong({ key: key('x', 3) }, [key('x', 4)])).toBe(true);
    expect(isAmong({ key: key('x', 3) }, [key('y', 3)])).toBe(false);
  });
});
