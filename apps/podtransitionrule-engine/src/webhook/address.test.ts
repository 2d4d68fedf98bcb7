import { describe, expect, test } from 'vitest';
import { isCallable, networksOf } from './address.ts';

const none = networksOf([]);
if (!none) throw new Error('no networks are networks');

describe('without leave a webhook is not called', () => {
  test.each([
    '127.0.0.1',
    '127.8.8.8',
    '0.0.0.0',
    '::1',
    '::',
    '169.254.169.254',
    'fe80::1',
    'febf::1',
    '100.100.100.200',
    '168.63.129.16',
    'fd00:ec2::254',
    '224.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:169.254.169.254',
    '::169.254.169.254',
    '64:ff9b::169.254.169.254',
    '64:ff9b::a9fe:a9fe',
  ])('at %s', (address) => {
    expect(isCallable(address, none)).toBe(false);
  });
});

test.each([
  '10.96.0.10',
  '192.168.1.1',
  '172.16.0.1',
  '100.100.100.201',
  '8.8.8.8',
  '2001:db8::1',
  'fd00::1',
  '64:ff9b::808:808',
])('in the cluster and beyond it is called at %s', (address) => {
  expect(isCallable(address, none)).toBe(true);
});

test('networks can be allowed', () => {
  const loopback = networksOf(['127.0.0.0/8', '::1/128']);
  expect(loopback && isCallable('127.0.0.1', loopback)).toBe(true);
  expect(loopback && isCallable('::1', loopback)).toBe(true);
  expect(loopback && isCallable('169.254.169.254', loopback)).toBe(false);
});

test.each(['127.0.0.1', '127.0.0.0/33', 'localhost/8', '::/129', '10.0.0.0/8/8', ''])('%j is no network', (text) => {
  expect(networksOf([text])).toBeUndefined();
});
