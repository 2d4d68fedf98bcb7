// Measures one evaluation by itself: no cluster, no writes. Run by `npm run bench -- --suite verdict`, which reads the JSON it prints.
// Arguments: numbers of Pods, all of which wait under one rule object.

import type { PodTransitionRule } from '@kuperator/api';
import { judge } from '../podtransitionrule/judge.ts';
import {
  aRule,
  EVERYTHING_EVALUATED,
  maxUnavailable,
  requiresLabel,
  UNANSWERED,
  UNKNOWN_OWNERS,
  waitingPods,
} from './samples.ts';

const BATCHES = 7;
/** A batch is long enough for the clock of CPU time. */
const BATCH_MS = 60;

const measured = process.argv.slice(2).map((text) => measure(Number(text)));
process.stdout.write(`${JSON.stringify(measured)}\n`);

/** CPU milliseconds of an evaluation without a stored status, and of one that reads the status of the last one. */
function measure(pods: number): { pods: number; firstMs: number; againMs: number; statusBytes: number } {
  const waiting = waitingPods(pods, { labels: { ready: 'true' } });
  const rule = aRule([maxUnavailable('10%'), requiresLabel('ready')]);
  const other = aRule([maxUnavailable('90%')], {
    name: 'elsewhere',
    spec: { selector: { matchLabels: { app: 'db' } } },
  });
  const pass = (given: PodTransitionRule) => {
    const judgement = judge({
      rule: given,
      pods: waiting,
      cacheVersion: 10n ** 12n,
      rules: [given, other],
      owners: UNKNOWN_OWNERS,
      settings: EVERYTHING_EVALUATED,
      webhooks: UNANSWERED,
    });
    // The status does not have room for many thousands of Pods.
    const judged = (judgement?.status.details?.length ?? 0) + (judgement?.leftOut ?? 0);
    if (!judgement || judged !== pods) throw new Error(`${judged} of ${pods} Pods were judged`);
    return { ...given, status: judgement.status };
  };
  const stored = pass(rule);
  return {
    pods,
    firstMs: cpuMs(() => pass(rule)),
    againMs: cpuMs(() => pass(stored)),
    statusBytes: JSON.stringify(stored.status).length,
  };
}

/** The minimum of several batches, because other load on the machine only adds time. */
function cpuMs(run: () => unknown): number {
  let runs = 1;
  while (batch(run, runs) * runs < BATCH_MS) runs *= 2;
  return Math.min(...Array.from({ length: BATCHES }, () => batch(run, runs)));
}

function batch(run: () => unknown, runs: number): number {
  const before = process.cpuUsage();
  for (let at = 0; at < runs; at++) run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / runs;
}
