import { expect, test } from 'vitest';
import { RouteReader } from './routes.ts';

const rule = (verb: string, ip: string, chain = 'KUBE-SVC-AAA') =>
  `EVENT: -4 -t nat -${verb} ${chain} -m comment --comment "web/web -> ${ip}:8080" -m statistic --mode random --probability 0.5 -j KUBE-SEP-1`;
const end = 'NEWGEN: GENID=3 PID=1 NAME=iptables-restor';

/** The changes of each transaction. */
function changesOf(...transactions: readonly (readonly string[])[]) {
  const reader = new RouteReader();
  return transactions.map((lines, index) => [...lines, end].flatMap((line) => reader.read(line, index)));
}

test('a Pod is routed once the transaction that adds its rule is applied', () => {
  expect(changesOf([rule('A', '10.88.0.10')])).toEqual([[{ atMs: 0, ip: '10.88.0.10', routed: true }]]);
});

test('a chain that is rewritten removes only the Pods that it no longer names', () => {
  const [, changes] = changesOf(
    [rule('A', '10.88.0.10'), rule('A', '10.88.0.11')],
    [rule('D', '10.88.0.10'), rule('D', '10.88.0.11'), rule('A', '10.88.0.11')],
  );
  expect(changes).toEqual([{ atMs: 1, ip: '10.88.0.10', routed: false }]);
});

test('a Pod of two Services is routed until both have dropped it', () => {
  const changes = changesOf(
    [rule('A', '10.88.0.10', 'KUBE-SVC-AAA'), rule('A', '10.88.0.10', 'KUBE-SVC-BBB')],
    [rule('D', '10.88.0.10', 'KUBE-SVC-AAA')],
    [rule('D', '10.88.0.10', 'KUBE-SVC-BBB')],
  );
  expect(changes.slice(1)).toEqual([[], [{ atMs: 2, ip: '10.88.0.10', routed: false }]]);
});

test('rules of other chains are ignored', () => {
  const lines = [
    'EVENT: -4 -t nat -N KUBE-SVC-AAA',
    'EVENT: -4 -t nat -A KUBE-SEP-1 -p tcp -m comment --comment "web/web" -m tcp -j DNAT --to-destination 10.88.0.10:8080',
    'EVENT: -4 -t nat -A KUBE-SERVICES -d 10.0.0.9/32 -m comment --comment "web/web cluster IP" -j KUBE-SVC-AAA',
  ];
  expect(changesOf(lines)).toEqual([[]]);
});
