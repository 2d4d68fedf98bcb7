import Type from 'typebox';
import { declareEvent } from './declaration.ts';
import { Count, Generation, Message, Name, Uid } from './fields.ts';

const publishers = ['collaset-controller'];

/** The events of a CollaSet. Counts are of Pods. */
export const COLLASET_EVENTS = {
  scaling: declareEvent({
    summary: 'The controller took a step towards spec.replicas.',
    publishers,
    wakes: [],
    data: Type.Object({
      uid: Uid,
      generation: Generation,
      replicas: Count,
      current: Count,
      create: Type.Optional(Count),
      beginScaleIn: Type.Optional(Count),
      cancelScaleIn: Type.Optional(Count),
      delete: Type.Optional(Count),
      message: Type.Optional(Message),
    }),
    identity: (data, resourceVersion) => [
      data.uid,
      resourceVersion,
      data.generation,
      data.replicas,
      data.current,
      data.create,
      data.beginScaleIn,
      data.cancelScaleIn,
      data.delete,
    ],
  }),
  updating: declareEvent({
    summary: 'The controller took a step towards the update revision.',
    publishers,
    wakes: [],
    data: Type.Object({
      uid: Uid,
      generation: Generation,
      revision: Name,
      replicas: Count,
      updated: Count,
      begin: Type.Optional(Count),
      operate: Type.Optional(Count),
      finish: Type.Optional(Count),
      message: Type.Optional(Message),
    }),
    identity: (data, resourceVersion) => [
      data.uid,
      resourceVersion,
      data.generation,
      data.revision,
      data.replicas,
      data.updated,
      data.begin,
      data.operate,
      data.finish,
    ],
  }),
  settled: declareEvent({
    summary: 'The CollaSet has all its replicas at the requested revision, and all of them are available.',
    publishers,
    wakes: [],
    data: Type.Object({ uid: Uid, generation: Generation, revision: Name, replicas: Count, available: Count }),
    identity: ({ uid, generation, revision, replicas, available }) => [uid, generation, revision, replicas, available],
  }),
} as const;
