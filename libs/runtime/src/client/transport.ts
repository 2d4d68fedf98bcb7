/** One HTTP request to the API server. `path` has its query; a string `body` goes out as it is. */
export type TransportRequest = {
  method: string;
  path: string;
  body?: string | undefined;
  contentType?: string | undefined;
  /** Media type of the answer; application/json by default. */
  accept?: string | undefined;
  /** Until the answer has to be complete. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
};

/** Header names are lower case. */
export type TransportResponse = { status: number; headers: Record<string, string | undefined>; body: string };

export type TransportStream = {
  status: number;
  headers: Record<string, string | undefined>;
  body: AsyncIterable<Uint8Array>;
};

/**
 * How requests reach an API server: HTTP in a process, the in-memory cluster in tests. Both calls reject with
 * ConnectionError when no answer came; an HTTP failure is an answer.
 */
export type Transport = {
  send(request: TransportRequest): Promise<TransportResponse>;
  /** Answers once the headers are there; `timeoutMs` is for these only. Aborting `signal` ends the body. */
  stream(request: TransportRequest): Promise<TransportStream>;
  close(): Promise<void>;
};
