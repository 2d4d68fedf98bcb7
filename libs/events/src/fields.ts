// The fields of event data. All of them are bounded: an event carries facts and identities, never a payload.
import Type, { type Static } from 'typebox';

export const Uid = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9-]+$',
  description: 'metadata.uid of the object',
});

export const Name = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$',
});

export const Since = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9._:+-]+$',
  description:
    'When this stage began: the value of its lifecycle label (Unix nanoseconds) or the time of its condition; check it against the object',
});

export const Count = Type.Integer({ minimum: 0 });

export const Generation = Type.Integer({
  minimum: 0,
  description: 'metadata.generation from which the fact was computed',
});

export const Reason = Type.String({ maxLength: 256, description: 'One CamelCase word, for machines' });

export const Message = Type.String({ maxLength: 1024, description: 'One sentence, for people' });

export const OperationRef = Type.Object({
  id: Type.String({
    minLength: 1,
    maxLength: 63,
    description: 'Operation id, the part of the label key after the slash',
  }),
  type: Type.String({
    minLength: 1,
    maxLength: 63,
    description: 'Operation type, the value of the operation-type label',
  }),
});
export type OperationRef = Static<typeof OperationRef>;

export const Stage = Type.Union(
  [
    Type.Literal('PreCheck'),
    Type.Literal('Preparing'),
    Type.Literal('Operate'),
    Type.Literal('Operated'),
    Type.Literal('PostCheck'),
    Type.Literal('Completing'),
    Type.Literal('Completed'),
  ],
  { description: 'Stage of the PodOpsLifecycle in which the operation is after this event' },
);
export type Stage = Static<typeof Stage>;
