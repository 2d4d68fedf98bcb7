import { ApiError } from './api-error.ts';

/**
 * The parameters of a call, from its query and its form body. An RPC call writes a list as `Name.1`, `Name.2`, and an object in a
 * list as `Name.1.Field`.
 */
export class Parameters {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: Iterable<readonly [string, string]>) {
    this.#values = new Map(values);
  }

  /** The value of `name`; undefined if it is absent or empty. */
  optional(name: string): string | undefined {
    const value = this.#values.get(name);
    return value === '' ? undefined : value;
  }

  /** @throws ApiError `MissingParameter` if it is absent or empty */
  required(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw missing(name);
    return value;
  }

  /** @throws ApiError `InvalidParameter` if the value is not a whole number from `min` to `max` */
  integer(name: string, { min, max, absent }: { min: number; max: number; absent?: number }): number {
    const value = this.optional(name);
    if (value === undefined && absent !== undefined) return absent;
    return wholeNumber(value ?? this.required(name), { name, min, max });
  }

  /** The values of `name.1`, `name.2`, …; empty if there are none. */
  list(name: string): readonly string[] {
    return this.#indexes(name).flatMap((index) => this.optional(`${name}.${index}`) ?? []);
  }

  /** The objects of `name.1.<Field>`, `name.2.<Field>`, …, each with the parameters of its own. */
  objects(name: string): readonly Parameters[] {
    return this.#indexes(name).map((index) => {
      const prefix = `${name}.${index}.`;
      const fields = [...this.#values].filter(([key]) => key.startsWith(prefix));
      return new Parameters(fields.map(([key, value]) => [key.slice(prefix.length), value]));
    });
  }

  #indexes(name: string): number[] {
    const indexes = new Set<number>();
    for (const key of this.#values.keys()) {
      const index = key.startsWith(`${name}.`) ? key.slice(name.length + 1).split('.')[0] : undefined;
      if (index !== undefined && /^[1-9]\d{0,3}$/.test(index)) indexes.add(Number(index));
    }
    return [...indexes].toSorted((a, b) => a - b);
  }
}

/** @throws ApiError `InvalidParameter` if `text` is not a whole number from `min` to `max` */
export function wholeNumber(text: string, { name, min, max }: { name: string; min: number; max: number }): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new ApiError(400, 'InvalidParameter', `The specified parameter ${name} is not valid.`);
}

function missing(name: string): ApiError {
  return new ApiError(
    400,
    'MissingParameter',
    `The input parameter ${name} that is mandatory for processing is missing.`,
  );
}
