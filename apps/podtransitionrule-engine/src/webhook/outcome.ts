import type { Asked, Polled } from './answer.ts';

/** The answer to a question. `about`: the Pods that were asked about, if there was no room for all that were to be. */
export type AskedAbout = Asked & { readonly about?: readonly string[] | undefined };

/** What became of the calls about a task, as far as this process made them. */
export type Outcome<Answer> = {
  /** A call is under way, or waits for one of the places. */
  readonly running: boolean;
  /** How the last one ended; it stands until the next one ends. */
  readonly last?: Answered<Answer> | Failed;
};
export type Answered<Answer> = { readonly state: 'answered'; readonly atMs: number; readonly answer: Answer };
/** `failures`: how many calls about the task have failed in a row. */
export type Failed = {
  readonly state: 'failed';
  readonly atMs: number;
  readonly error: string;
  readonly failures: number;
};

/** Outcomes by `idOf` a task; undefined when this process has not called yet. */
export type Outcomes = {
  asked(id: string): Outcome<AskedAbout> | undefined;
  polled(id: string): Outcome<Polled> | undefined;
};
