import { describe, expect, test } from 'vitest';
import { aMember, begun } from '../../test/builders.ts';
import { type ActionKind, type ActionOf, isPreparation, isSettled } from '../plan/action.ts';
import { ACTIONS, type IsNews, type Row } from './actions.ts';

const ROWS = Object.entries(ACTIONS) as [ActionKind, Row<ActionKind>][];
const always: IsNews = () => true;

describe('the table of actions', () => {
  test.each(ROWS)('%s has a lane if it is written, and nothing of a write if it is not', (kind, row) => {
    expect(row.lane !== undefined, kind).toBe(row.write !== undefined);
    if (!row.write) expect([row.verify, row.follow, row.metric, row.event]).toEqual(Array(4).fill(undefined));
  });

  test('preparations are written one after another', () => {
    const preparations = ROWS.filter(([kind]) => isPreparation([{ do: kind } as ActionOf<ActionKind>]));
    expect(preparations.map(([, { lane }]) => lane)).toEqual(Array(6).fill('first'));
  });

  test('what is written last keeps no set from having settled', () => {
    const last = ROWS.filter(([, { lane }]) => lane === 'last').map(([kind]) => ({ do: kind }) as ActionOf<ActionKind>);
    expect(last).toHaveLength(5);
    expect(isSettled(last)).toBe(true);
  });

  test('a Pod has more steps left before its operation begins than after, and more before it is changed than when it ends', () => {
    const idle = aMember({ id: 0 });
    const operating = aMember({ id: 1, stages: begun('update') });
    const begin = ACTIONS.begin.steps?.({ do: 'begin', pod: idle, operation: 'scale-in' });
    const wait = ACTIONS.awaitPermission.steps?.({ do: 'awaitPermission', pod: operating, operation: 'update' });
    const finish = ACTIONS.finish.steps?.({ do: 'finish', pod: operating, operation: 'update' });
    const serve = ACTIONS.awaitService.steps?.({ do: 'awaitService', pod: idle });
    expect([begin, wait, finish, serve]).toEqual([4, 3, 2, 1]);
  });
});

describe('Events', () => {
  test('a begun scale-in and a begun update are reported apart', () => {
    const pod = aMember({ id: 0 });
    const reasons = ACTIONS.begin
      .reports?.(
        [
          { do: 'begin', pod, operation: 'scale-in' },
          { do: 'begin', pod, operation: 'update', transition: { mode: 'recreate', reason: 'env differs' } },
        ],
        always,
      )
      .map(({ reason }) => reason);
    expect(reasons).toEqual(['BeginScaleInLifecycle', 'TargetUpdateLifecycle']);
  });

  test('a refused name is reported while it is news', () => {
    const action = { do: 'refuseListed', pod: 'web-a', reason: 'IncludeNotAllowed', message: 'no' } as const;
    const isNews: IsNews = (fact) => fact !== 'IncludeNotAllowed/web-a';
    expect(ACTIONS.refuseListed.reports?.([action], isNews)).toEqual([]);
    expect(ACTIONS.refuseListed.reports?.([action], always)).toHaveLength(1);
  });
});
