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

describe('a Service (T112)', () => {
  test.each([
    { name: 'without marks is free', adapter: observer, given: {}, mark: undefined },
    {
      name: 'that names this adapter belongs to it',
      adapter: observer,
      given: { annotations: named('ours') },
      mark: undefined,
    },
    { name: 'that names no adapter is free', adapter: observer, given: { annotations: named('') }, mark: undefined },
    {
      name: 'that names another adapter belongs to that one',
      adapter: observer,
      given: { annotations: named('aliyun-slb-adapter') },
      mark: `annotation ${EMPLOYER_ADAPTER_ANNOTATION} names aliyun-slb-adapter`,
    },
    {
      name: 'with the clean finalizer belongs to the Go framework, if this adapter adds none',
      adapter: observer,
      given: { finalizers: ['x', EMPLOYER_CLEAN_FINALIZER] },
      mark: `finalizer ${EMPLOYER_CLEAN_FINALIZER} was added by an adapter of the Go framework`,
    },
    {
      name: 'with the clean finalizer of early versions does as well',
      adapter: observer,
      given: { finalizers: [OLD] },
      mark: `finalizer ${OLD} was added by an adapter of the Go framework`,
    },
    {
      name: 'that this adapter took first is given up when the Go framework adds its finalizer',
      adapter: observer,
      given: { annotations: named('ours'), finalizers: [EMPLOYER_CLEAN_FINALIZER] },
      mark: `finalizer ${EMPLOYER_CLEAN_FINALIZER} was added by an adapter of the Go framework`,
    },
    {
      name: 'with a record that this adapter does not keep belongs to the Go framework',
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
      name: 'with marks of this framework and the name of this adapter belongs to it',
      adapter: backend,
      given: { annotations: { ...named('ours'), ...recorded }, finalizers: [EMPLOYER_CLEAN_FINALIZER] },
      mark: undefined,
    },
    {
      name: 'with marks of this framework and no name belongs to the Go framework',
      adapter: backend,
      given: { finalizers: [EMPLOYER_CLEAN_FINALIZER] },
      mark: `finalizer ${EMPLOYER_CLEAN_FINALIZER} was added by an adapter of the Go framework`,
    },
    {
      name: 'of a Go adapter that this one replaces belongs to this one',
      adapter: { ...backend, takesOverFromGo: () => true },
      given: { annotations: recorded, finalizers: [OLD] },
      mark: undefined,
    },
    {
      name: 'that names another adapter is still not taken over',
      adapter: { ...backend, takesOverFromGo: () => true },
      given: { annotations: named('other'), finalizers: [OLD] },
      mark: `annotation ${EMPLOYER_ADAPTER_ANNOTATION} names other`,
    },
  ])('$name', ({ adapter, given, mark }) => {
    const service = aService(given);
    expect(foreignMark(service, adapter)).toBe(mark);
    expect(foreignMark({ metadata: { name: 'nginx', ...ownershipOf(service) } } as typeof service, adapter)).toBe(mark);
  });

  test('whose name was removed while this adapter guarded it stays with it, unless the Go framework has marked it', () => {
    const service = aService({ finalizers: [EMPLOYER_CLEAN_FINALIZER] });
    expect(foreignMark(service, backend, { wasOurs: true })).toBeUndefined();
    expect(foreignMark(service, observer, { wasOurs: true })).toBeDefined();
  });
});
