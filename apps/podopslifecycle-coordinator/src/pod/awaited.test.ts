import { EMPLOYER_ADAPTER_ANNOTATION } from '@kuperator/api';
import { podStateOf, settle } from '@kuperator/lifecycle';
import { aPod, aService } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { awaitedOn, expectingAdapters } from './awaited.ts';

const guarded = (selector: Record<string, string>, metadata = {}) =>
  aService({
    metadata: { name: 'web', annotations: { [EMPLOYER_ADAPTER_ANNOTATION]: 'endpointslice-adapter' }, ...metadata },
    spec: { selector },
  });
const pod = aPod({ metadata: { name: 'a', labels: { app: 'web' } } });
const conditions = (text: string) =>
  aPod({ metadata: { labels: { app: 'web' }, annotations: { 'pod.kusionstack.io/available-conditions': text } } });

describe('expectingAdapters', () => {
  test('awaits the adapter of a Service that selects the Pod', () => {
    const seen = expectingAdapters(pod, [guarded({ app: 'web' })]);
    expect(awaitedOn(seen)).toEqual(['Service/default/web']);
    expect(settle(podStateOf(pod), '2', { passes: () => true }).labels).not.toEqual({});
    expect(settle(podStateOf(seen), '2', { passes: () => true }).labels).toEqual({});
  });

  test.each([
    { name: 'that selects other Pods', pod, service: guarded({ app: 'db' }) },
    { name: 'without a selector', pod, service: { ...guarded({ app: 'web' }), spec: { selector: {} } } },
    { name: 'that no adapter guards', pod, service: guarded({ app: 'web' }, { annotations: {} }) },
    {
      name: 'whose adapter has announced itself',
      pod: conditions('{"expectedFinalizers":{"Service/default/web":"prot.podopslifecycle.kusionstack.io/x"}}'),
      service: guarded({ app: 'web' }),
    },
    { name: 'if the annotation is malformed', pod: conditions('{'), service: guarded({ app: 'web' }) },
  ])('awaits no adapter for a Service $name', ({ pod, service }) => {
    expect(awaitedOn(expectingAdapters(pod, [service]))).toEqual([]);
  });
});
