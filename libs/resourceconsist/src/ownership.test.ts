import {
  EMPLOYER_ADAPTER_ANNOTATION,
  EMPLOYER_CLEAN_FINALIZER,
  EXPECTED_FINALIZERS_RECORD_ANNOTATION,
  LIFECYCLE_FINALIZERS_RECORD_ANNOTATION,
} from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { type Adapter, SERVICE_EMPLOYERS } from './adapter.ts';
import { foreignMark, ownershipOf } from './ownership.ts';
import { aService } from './test/objects.ts';

const observer: Adapter = {
  name: 'ours',
  employers: SERVICE_EMPLOYERS,
  traffic: { observe: () => () => 'off' },
};
const nothing = async () => undefined;
const provider = { expected: () => [], current: () => [], create: nothing, update: nothing, delete: nothing };
const backend: Adapter = { ...observer, traffic: { employees: provider }, records: { lifecycleFinalizers: true } };
const named = (name: string) => ({ [EMPLOYER_ADAPTER_ANNOTATION]: name });
const OLD = 'resource-consist.kusionstack.io/clean-nginx';
const recorded = { [LIFECYCLE_FINALIZERS_RECORD_ANNOTATION]: 'a,b' };

describe('T112 a Service', () => {
  test.each([
    { name: 'without marks is free', adapter: observer, given: {}, mark: undefined },
    { name: 'that names us is ours', adapter: observer, given: { annotations: named('ours') }, mark: undefined },
    { name: 'that names nobody is free', adapter: observer, given: { annotations: named('') }, mark: undefined },
    {
      name: 'that names another adapter is its own',
      adapter: observer,
      given: { annotations: named('aliyun-slb-adapter') },
      mark: `annotation ${EMPLOYER_ADAPTER_ANNOTATION} names aliyun-slb-adapter`,
    },
    {
      name: 'with the clean finalizer is Go’s for an adapter that puts none on',
      adapter: observer,
      given: { finalizers: ['x', EMPLOYER_CLEAN_FINALIZER] },
      mark: `finalizer ${EMPLOYER_CLEAN_FINALIZER} was put on by an adapter of the Go framework`,
    },
    {
      name: 'with the clean finalizer of early versions, too',
      adapter: observer,
      given: { finalizers: [OLD] },
      mark: `finalizer ${OLD} was put on by an adapter of the Go framework`,
    },
    {
      name: 'that we named first is given up when Go’s finalizer comes',
      adapter: observer,
      given: { annotations: named('ours'), finalizers: [EMPLOYER_CLEAN_FINALIZER] },
      mark: `finalizer ${EMPLOYER_CLEAN_FINALIZER} was put on by an adapter of the Go framework`,
    },
    {
      name: 'with a record we do not keep is Go’s',
      adapter: observer,
      given: { annotations: { ...named('ours'), ...recorded } },
      mark: `annotation ${LIFECYCLE_FINALIZERS_RECORD_ANNOTATION} is kept by an adapter of the Go framework`,
    },
    {
      name: 'with an empty record is free',
      adapter: observer,
      given: { annotations: { [EXPECTED_FINALIZERS_RECORD_ANNOTATION]: '' } },
      mark: undefined,
    },
    {
      name: 'with marks of our own kind and our name is ours',
      adapter: backend,
      given: { annotations: { ...named('ours'), ...recorded }, finalizers: [EMPLOYER_CLEAN_FINALIZER] },
      mark: undefined,
    },
    {
      name: 'with marks of our own kind and no name is Go’s',
      adapter: backend,
      given: { finalizers: [EMPLOYER_CLEAN_FINALIZER] },
      mark: `finalizer ${EMPLOYER_CLEAN_FINALIZER} was put on by an adapter of the Go framework`,
    },
    {
      name: 'of an adapter that ours replaces is ours',
      adapter: { ...backend, takesOverFromGo: () => true },
      given: { annotations: recorded, finalizers: [OLD] },
      mark: undefined,
    },
    {
      name: 'that names another is not taken over all the same',
      adapter: { ...backend, takesOverFromGo: () => true },
      given: { annotations: named('other'), finalizers: [OLD] },
      mark: `annotation ${EMPLOYER_ADAPTER_ANNOTATION} names other`,
    },
  ])('$name', ({ adapter, given, mark }) => {
    const service = aService(given);
    expect(foreignMark(service, adapter)).toBe(mark);
    expect(foreignMark({ metadata: { name: 'nginx', ...ownershipOf(service) } } as typeof service, adapter)).toBe(mark);
  });

  test('whose name was removed while we guarded it stays ours, unless Go has come', () => {
    const service = aService({ finalizers: [EMPLOYER_CLEAN_FINALIZER] });
    expect(foreignMark(service, backend, { wasOurs: true })).toBeUndefined();
    expect(foreignMark(service, observer, { wasOurs: true })).toBeDefined();
  });
});
