import type { Asked, Polled } from './answer.ts';

/** The answer to a question. `about` lists the Pods that were asked about, if not all of them fitted into the question. */
export type AskedAbout = Asked & { readonly about?: readonly string[] | undefined };

/** The outcome of the calls about a task that this process has made. */
export type Outcome<Answer> = {
  /** A call is under way, or waits in the queue. */
  readonly running: boolean;
  /** How the last call ended. It is replaced when the next call ends. */
  readonly last?: Answered<Answer> | Failed;
};
export type Answered<Answer> = { readonly state: 'answered'; readonly atMs: number; readonly answer: Answer };
/** `failures`: how many calls about the task have failed in a row. */
type Failed = {
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
