// Manages the JetStream stream by the plain JSON of its API, so that this file does not depend on a NATS client.
import { own } from '@kuperator/api';
import Type from 'typebox';
import type { StreamSettings } from './options.ts';
import { SUBJECT_PREFIX } from './subjects.ts';
import { checkFor } from './validation.ts';

export const STREAM = 'KUPERATOR_EVENTS';

const MS = 1_000_000; // durations on the wire are nanoseconds
const DUPLICATE_WINDOW_MS = 2 * 60_000;

type StreamConfig = {
  name: string;
  description?: string;
  subjects: string[];
  retention: string;
  storage: string;
  discard: string;
  duplicate_window: number;
  max_age: number;
  max_bytes: number;
  num_replicas: number;
  [field: string]: unknown;
};

/** The stream as we create it. */
export function streamConfigFor({ replicas, maxAgeMs, maxBytes }: StreamSettings): StreamConfig {
  const maxAge = maxAgeMs ?? 24 * 3_600_000;
  return {
    name: STREAM,
    description: 'What Kuperator operators did: facts about Pods, CollaSets and PodTransitionRules',
    subjects: [`${SUBJECT_PREFIX}.>`],
    retention: 'limits',
    storage: 'file',
    discard: 'old',
    // The server refuses a window longer than the age limit.
    duplicate_window: Math.min(DUPLICATE_WINDOW_MS, maxAge || DUPLICATE_WINDOW_MS) * MS,
    max_age: maxAge * MS,
    max_bytes: maxBytes ?? 256 * 1024 * 1024,
    num_replicas: replicas ?? 1,
  };
}

/**
 * The configuration that an existing stream should get; undefined if it needs no change. It changes only the values in the settings and what
 * publishing depends on, so that two operators with different defaults do not undo each other's changes.
 */
export function streamUpdateFor(current: StreamConfig, settings: StreamSettings): StreamConfig | undefined {
  const wanted = streamConfigFor(settings);
  const next = {
    ...current,
    subjects: current.subjects.includes(`${SUBJECT_PREFIX}.>`) ? current.subjects : wanted.subjects,
    discard: wanted.discard,
    duplicate_window: Math.max(current.duplicate_window, wanted.duplicate_window),
    num_replicas: settings.replicas ?? current.num_replicas,
    max_age: settings.maxAgeMs === undefined ? current.max_age : wanted.max_age,
    max_bytes: settings.maxBytes ?? current.max_bytes,
  };
  if (next.max_age > 0) next.duplicate_window = Math.min(next.duplicate_window, next.max_age);
  const changed = Object.entries(next).some(
    ([field, value]) => JSON.stringify(value) !== JSON.stringify(own(current, field)),
  );
  return changed ? next : undefined;
}

/**
 * Sends a request to the JetStream API: the subject after `$JS.API.` and a JSON body. Rejects if there is no response, or no permission. Every
 * user who may publish can answer in place of JetStream, so the response may be anything.
 */
type JetStreamRequest = (subject: string, body: object) => Promise<unknown>;
type JetStreamReply = { error: { code: number; description?: string } } | { config: StreamConfig };

const checkRefusal = checkFor(
  Type.Object({ error: Type.Object({ code: Type.Number(), description: Type.Optional(Type.String()) }) }),
);
const checkConfig = checkFor(
  Type.Object({
    config: Type.Object({
      name: Type.String(),
      subjects: Type.Array(Type.String()),
      discard: Type.String(),
      duplicate_window: Type.Number(),
      max_age: Type.Number(),
      max_bytes: Type.Number(),
      num_replicas: Type.Number(),
    }),
  }),
);

function replyOf(answer: unknown): JetStreamReply {
  if (checkRefusal(answer) === undefined) return answer as JetStreamReply;
  const problem = checkConfig(answer);
  if (problem === undefined) return answer as JetStreamReply;
  return { error: { code: 0, description: `an answer that is not JetStream's: ${problem}` } };
}

/** `usable`: events are stored and acknowledged. `problem` says why the stream is not usable, or not as it should be. */
type StreamOutcome = { usable: boolean; problem?: string; did: 'found' | 'created' | 'updated' | 'nothing' };

/** Creates the stream, or changes it as `settings` say, as far as the permissions allow. Never rejects, whatever the response is. */
export async function ensureStream(request: JetStreamRequest, settings: StreamSettings): Promise<StreamOutcome> {
  const ask = async (subject: string, body: object = {}): Promise<JetStreamReply> => {
    try {
      return replyOf(await request(`${subject}.${STREAM}`, body));
    } catch (error) {
      return { error: { code: 0, description: error instanceof Error ? error.message : String(error) } };
    }
  };
  let found = await ask('STREAM.INFO');
  if ('error' in found && found.error.code === 404) {
    const created = await ask('STREAM.CREATE', streamConfigFor(settings));
    if (!('error' in created)) return { usable: true, did: 'created' };
    // Another operator may have created it, with other settings, between the two requests.
    found = await ask('STREAM.INFO');
    if ('error' in found) return { usable: false, problem: problemOf('creating', created.error), did: 'nothing' };
  }
  if ('error' in found) return { usable: false, problem: problemOf('looking up', found.error), did: 'nothing' };
  const update = streamUpdateFor(found.config, settings);
  if (!update) return { usable: true, did: 'found' };
  const updated = await ask('STREAM.UPDATE', update);
  if (!('error' in updated)) return { usable: true, did: 'updated' };
  const takesOurs = found.config.subjects.includes(`${SUBJECT_PREFIX}.>`);
  return { usable: takesOurs, problem: problemOf('updating', updated.error), did: 'found' };
}

function problemOf(doing: string, { description }: { description?: string }): string {
  return `${doing} stream ${STREAM}: ${description ?? 'refused without a reason'}`;
}
