import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isCallable, networksOf } from './address.ts';

const none = networksOf([]);
if (!none) throw new Error('no networks are networks');

describe('a webhook is not called in a forbidden network', () => {
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
    '2002:7f00:1::',
    '2002:a9fe:a9fe::1',
    '::ffff:0:127.0.0.1',
    '::ffff:0:169.254.169.254',
    'fd20:ce::254',
    'fd00:ec2::23',
    '192.0.0.192',
    '2001:0:1234::1',
    '255.255.255.255',
    '250.1.2.3',
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
  '2002:808:808::1',
  '2001:4860:4860::8888',
])('calls a webhook at %s, inside the cluster and outside', (address) => {
  expect(isCallable(address, none)).toBe(true);
});

test('allows networks that the settings name', () => {
  const loopback = networksOf(['127.0.0.0/8', '::1/128']);
  expect(loopback && isCallable('127.0.0.1', loopback)).toBe(true);
  expect(loopback && isCallable('::1', loopback)).toBe(true);
  expect(loopback && isCallable('169.254.169.254', loopback)).toBe(false);
});

test.each([
  '127.0.0.1',
  '127.0.0.0/33',
  'localhost/8',
  '::/129',
  '10.0.0.0/8/8',
  '',
])('refuses %j as a network', (text) => {
  expect(networksOf([text])).toBeUndefined();
});

test('every spelling of a forbidden IPv4 address in IPv6 is forbidden', () => {
  const anyForbidden = fc
    .tuple(fc.constantFrom(127, 169), fc.nat(255), fc.nat(255), fc.nat(255))
    .map(([a, b, c, d]) => [a, a === 169 ? 254 : b, c, d]);
  fc.assert(
    fc.property(anyForbidden, ([a = 0, b = 0, c = 0, d = 0]) => {
      const dotted = `${a}.${b}.${c}.${d}`;
      const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      const spellings = [
        dotted,
        `::ffff:${dotted}`,
        `::ffff:0:${dotted}`,
        `64:ff9b::${hex}`,
        `::${hex}`,
        `2002:${hex}::5`,
      ];
      for (const spelling of spellings) expect(isCallable(spelling, none), spelling).toBe(false);
    }),
  );
});
