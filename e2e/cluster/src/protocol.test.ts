import { expect, test } from 'vitest';
import { jsonLines } from './protocol.ts';

test('reads messages correctly however the stream is split', () => {
  const received: unknown[] = [];
  const receive = jsonLines((message) => received.push(message));
  for (const chunk of ['{"a":', '1}\n{"b"', ':2}\n', '\n{"c":3}\n{"d":']) receive(chunk);
  expect(received).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }]);
});
